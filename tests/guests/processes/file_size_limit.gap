RLIMIT_FSIZE is kept, without effect
RLIMIT_FSIZE
  line 17: write(fd, data, 150) is 150 (0x96), not 100 (0x64)
  line 18: write(fd, data, 1) gave 1, not EFBIG
  line 19: ftruncate(fd, 101) gave 0, not EFBIG
  line 13: wait status is 0x100, not an exit with 0
  line 22: wait status is 0, not a death by signal 25
FAIL
exit 1
