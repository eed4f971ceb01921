// flags: -O2 -march=rv64gc -fno-tree-vectorize
// only: riscv64
// bench: 4000
// syscalls: write
//
// The processor benchmark: what an ordinary program's inner loops are made of, in four parts of about equal time.
// Linked lists (dependent loads, unpredictable branches), integer matrices (multiply and add over arrays), a state
// machine over text (byte loads, a switch), and a CRC (shifts and exclusive or). Argument: rounds (default 20).
// Prints one checksum that depends on every part; the time is the caller's to take.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t random_state = 12345;

static uint32_t next_random(void) {
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

// ---- lists

struct node {
    struct node *next;
    int32_t key;
    int32_t value;
};

enum { NODES = 400 };
static struct node nodes[NODES];

static struct node *make_list(void) {
    struct node *head = NULL;
    for (int i = 0; i < NODES; i++) {
        struct node *node = &nodes[(i * 149) % NODES];
        node->key = (int32_t)(next_random() % 1000);
        node->value = i;
        node->next = head;
        head = node;
    }
    return head;
}

static struct node *merge(struct node *a, struct node *b, int by_key) {
    struct node first, *tail = &first;
    while (a && b) {
        int take_a = by_key ? a->key <= b->key : a->value <= b->value;
        if (take_a) {
            tail->next = a;
            a = a->next;
        } else {
            tail->next = b;
            b = b->next;
        }
        tail = tail->next;
    }
    tail->next = a ? a : b;
    return first.next;
}

static struct node *sort(struct node *list, int by_key) {
    if (!list || !list->next) return list;
    struct node *slow = list, *fast = list->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    struct node *half = slow->next;
    slow->next = NULL;
    return merge(sort(list, by_key), sort(half, by_key), by_key);
}

static struct node *reverse(struct node *list) {
    struct node *done = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static uint32_t lists(void) {
    uint32_t sum = 0;
    struct node *list = make_list();
    list = sort(list, 1);
    for (int wanted = 0; wanted < 1000; wanted += 7) {
        struct node *node = list;
        while (node && node->key < wanted) node = node->next;
        sum = sum * 31 + (node ? (uint32_t)node->value : 7);
    }
    list = sort(reverse(list), 0);
    for (struct node *node = list; node; node = node->next) sum = sum * 17 + (uint32_t)node->key;
    return sum;
}

// ---- matrices

enum { SIDE = 40 };
static int32_t a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];

static uint32_t matrices(void) {
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = (int32_t)(next_random() % 200) - 100;
            b[i][j] = (int32_t)(next_random() % 200) - 100;
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t sum = 0;
            for (int k = 0; k < SIDE; k++) sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
    uint32_t sum = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t v = c[i][j];
            sum = sum * 33 + (uint32_t)(v >> 3) + (uint32_t)(v > 0 ? v % 97 : -v % 89);
        }
    return sum;
}

// ---- a state machine that recognises numbers, names, strings and comments

enum state { START, NUMBER, FRACTION, EXPONENT, NAME, STRING, COMMENT, BAD, STATES };
static const char sample[] =
    "12 3.5e7 alpha beta_2 \"a string\" -4 +8e 7.7.7 #comment here\n x1 \"open 99 $ gamma(12,0.5) 1e9 1e+4 z\n"
    "0 00 0.0 \"\" q#c\n _name 5name name5 3.14159 2.71828e0 \"esc\" 42 ; the end 6e23\n";

static uint32_t machine(void) {
    uint32_t counts[STATES] = {0}, hash = 0;
    uint32_t offset = next_random();
    for (int round = 0; round < 90; round++) {
        enum state state = START;
        for (unsigned i = 0; i < sizeof sample - 1; i++) {
            unsigned char ch = (unsigned char)sample[i];
            if ((i + offset + (unsigned)round) % 61 == 0) ch ^= 1;
            switch (state) {
            case START:
                if (ch >= '0' && ch <= '9') state = NUMBER;
                else if ((ch >= 'a' && ch <= 'z') || ch == '_') state = NAME;
                else if (ch == '"') state = STRING;
                else if (ch == '#') state = COMMENT;
                else if (ch == '+' || ch == '-') state = NUMBER;
                else if (ch != ' ' && ch != '\n') state = BAD;
                break;
            case NUMBER:
                if (ch == '.') state = FRACTION;
                else if (ch == 'e') state = EXPONENT;
                else if (ch == ' ' || ch == '\n') state = START;
                else if (ch < '0' || ch > '9') state = BAD;
                break;
            case FRACTION:
                if (ch == 'e') state = EXPONENT;
                else if (ch == ' ' || ch == '\n') state = START;
                else if (ch < '0' || ch > '9') state = BAD;
                break;
            case EXPONENT:
                if (ch == ' ' || ch == '\n') state = START;
                else if ((ch < '0' || ch > '9') && ch != '+' && ch != '-') state = BAD;
                break;
            case NAME:
                if (ch == ' ' || ch == '\n' || ch == '(') state = START;
                break;
            case STRING:
                if (ch == '"') state = START;
                break;
            case COMMENT:
                if (ch == '\n') state = START;
                break;
            default:
                if (ch == ' ' || ch == '\n') state = START;
                break;
            }
            counts[state]++;
            hash += state * i;
        }
    }
    for (int i = 0; i < STATES; i++) hash = hash * 131 + counts[i];
    return hash;
}

// ---- CRC-16, bit by bit

static uint16_t crc(const uint8_t *data, unsigned length, uint16_t value) {
    for (unsigned i = 0; i < length; i++) {
        value ^= data[i];
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0xa001 : value >> 1;
    }
    return value;
}

static uint32_t checksums(uint16_t seed) {
    uint16_t value = seed;
    value = crc((const uint8_t *)c, sizeof c / 3, value);
    return crc((const uint8_t *)sample, sizeof sample, value);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 20;
    uint32_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        sum = sum * 7 + lists();
        sum = sum * 7 + matrices();
        sum = sum * 7 + machine();
        sum = sum * 7 + checksums((uint16_t)sum);
    }
    printf("%d rounds: %08x\n", rounds, sum);
    return 0;
}
