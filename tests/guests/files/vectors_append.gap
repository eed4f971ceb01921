pwritev2 refuses RWF_APPEND
RWF_APPEND
  line 11: pwritev2(fd, &out, 1, 0, RWF_APPEND) is -1 (0xffffffffffffffff), not 2 (0x2)
  line 12: lseek(fd, 0, SEEK_END) is 10 (0xa), not 12 (0xc)
FAIL
exit 1
