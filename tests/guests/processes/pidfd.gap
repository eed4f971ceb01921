there are no process descriptors; programs fall back to process ids
a descriptor of a process
  line 10: syscall(SYS_pidfd_open, child, 0) failed: ENOSYS
FAIL
exit 1
