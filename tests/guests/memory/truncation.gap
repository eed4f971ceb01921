pages that are mapped outlive the truncation of their file
truncation takes pages away
  line 18: FAULT_OF(((void)*(volatile char *)(shared + PAGE))) is 0 (0), not 7 (0x7)
  line 19: FAULT_OF(((void)*(volatile char *)(private + 2 * PAGE))) is 0 (0), not 7 (0x7)
  line 21: shared[PAGE] is 87 (0x57), not 0 (0)
FAIL
exit 1
