// The standard library on what the processor computes: digests, ciphers, compression, text, numbers.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/big"
	"math/bits"
	mathrand "math/rand"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"
)

type record struct {
	Name  string             `json:"name"`
	Items []float64          `json:"items"`
	Map   map[string]*record `json:"map,omitempty"`
}

func main() {
	text := []byte(strings.Repeat("tidemark ", 5000))
	fmt.Printf("%x\n%x\n%08x\n", sha256.Sum256(text), sha512.Sum512_256(text), crc32.ChecksumIEEE(text))

	block, _ := aes.NewCipher(make([]byte, 32))
	gcm, _ := cipher.NewGCM(block)
	sealed := gcm.Seal(nil, make([]byte, 12), text, []byte("more"))
	opened, err := gcm.Open(nil, make([]byte, 12), sealed, []byte("more"))
	fmt.Println(bytes.Equal(opened, text), err, base64.StdEncoding.EncodeToString(sealed[:9]))
	sealed[7] ^= 1
	_, err = gcm.Open(nil, make([]byte, 12), sealed, []byte("more"))
	fmt.Println(err)

	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	signature := ed25519.Sign(private, text)
	fmt.Printf("%x %v\n", signature[:8], ed25519.Verify(private.Public().(ed25519.PublicKey), text, signature))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	digest := sha256.Sum256(text)
	asn, _ := ecdsa.SignASN1(rand.Reader, key, digest[:])
	fmt.Println(err, ecdsa.VerifyASN1(&key.PublicKey, digest[:], asn))

	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	zip.Write(text)
	zip.Close()
	unzip, _ := gzip.NewReader(&packed)
	plain, err := io.ReadAll(unzip)
	fmt.Println(bytes.Equal(plain, text), err)

	value := record{"r", []float64{1, 0.1, 1e300, -0}, map[string]*record{"k": {Name: "é\n<"}}}
	encoded, _ := json.Marshal(value)
	var back, again record
	fmt.Println(string(encoded), json.Unmarshal(encoded, &back), reflect.DeepEqual(back, value))
	var stream bytes.Buffer
	fmt.Println(gob.NewEncoder(&stream).Encode(value), gob.NewDecoder(&stream).Decode(&again), again.Items)

	factorial := big.NewInt(1)
	for i := int64(2); i <= 200; i++ {
		factorial.Mul(factorial, big.NewInt(i))
	}
	fmt.Println(factorial.BitLen(), new(big.Int).Mod(factorial, big.NewInt(1000000007)), big.NewInt(1000003).ProbablyPrime(10))
	third, _ := new(big.Float).SetPrec(200).SetString("0.3333333333333333333333333")
	fmt.Println(third.Text('g', 30))

	fmt.Println(math.Sqrt(2), math.Sin(1e6), math.Pow(1.1, 100), math.Gamma(5.5), math.Inf(-1), math.NaN(), math.FMA(0.1, 10, -1))
	fmt.Println(bits.LeadingZeros64(1<<40), bits.OnesCount(0xff0f), bits.Reverse32(1), bits.RotateLeft16(0x1234, 4), math.MinInt64/int64(len("x")*-1))
	var f32 float32 = 16777216
	big64 := 1e20
	fmt.Println(f32+1, float32(0.1), uint8(300&0xff), int32(math.Float32bits(1.5)), strconv.FormatFloat(big64, 'e', -1, 64))
	fmt.Println(binary.BigEndian.Uint64([]byte("tidemark")), binary.PutVarint(make([]byte, 10), -1<<40))

	random := mathrand.New(mathrand.NewSource(1))
	numbers := random.Perm(20000)
	sort.Ints(numbers)
	fmt.Println(numbers[777], sort.SearchInts(numbers, 12345), random.Intn(1000))

	pattern := regexp.MustCompile(`(\w+)@(\w+)\.(com|org)`)
	fmt.Println(pattern.ReplaceAllString("a@b.com x c@d.org e@f.net", "$2:$1"), len(pattern.FindAllString(strings.Repeat("a@b.com ", 1000), -1)))
	var rendered strings.Builder
	template.Must(template.New("t").Parse("{{range $i, $x := .}}{{if $i}}, {{end}}{{printf \"%03d\" $x}}{{end}}\n")).Execute(&rendered, []int{1, 2, 3})
	fmt.Print(rendered.String())
	fmt.Println(utf8.RuneCountInString("añ日本"), strings.ToUpper("straße"), strings.Fields("  a b\tc "), fmt.Sprintf("%q %x %8.3f|%-6s|%+v", "é", "hi", math.Pi, "ab", struct{ A, B int }{1, 2}))
}
