openat2 answers EOPNOTSUPP to every RESOLVE_ restriction rather than resolve more than was allowed
how a path may resolve
  line 21: openat2(AT_FDCWD, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS) failed with EOPNOTSUPP, not ELOOP
  line 22: openat2(dir, "up", O_RDONLY, 0, RESOLVE_BENEATH) failed with EOPNOTSUPP, not EXDEV
  line 23: openat2(dir, "../file", O_RDONLY, 0, RESOLVE_BENEATH) failed with EOPNOTSUPP, not EXDEV
  line 24: openat2(AT_FDCWD, "/tmp", O_RDONLY, 0, RESOLVE_BENEATH) failed with EOPNOTSUPP, not EXDEV
  line 25: openat2(AT_FDCWD, "absolute", O_RDONLY, 0, RESOLVE_BENEATH) failed with EOPNOTSUPP, not EXDEV
  line 26: openat2(AT_FDCWD, "dir/../file", O_RDONLY, 0, RESOLVE_BENEATH) failed: EOPNOTSUPP
  line 29: openat2(dir, "/inside", O_RDONLY, 0, RESOLVE_IN_ROOT) failed: EOPNOTSUPP
  line 30: openat2(dir, "../../inside", O_RDONLY, 0, RESOLVE_IN_ROOT) failed: EOPNOTSUPP
  line 31: openat2(dir, "up", O_RDONLY, 0, RESOLVE_IN_ROOT) failed with EOPNOTSUPP, not ENOENT
FAIL
exit 1
