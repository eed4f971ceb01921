mappings are not counted against F_SEAL_WRITE
F_SEAL_WRITE and mappings
  line 13: fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) gave 0, not EBUSY
  line 16: not so: mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED
FAIL
exit 1
