//! Reading executables: whatever a guest has marked as one.

use tidemark_kernel::exec::{elf, script};

/// Reads the bytes as an ELF file and as the head of a script, and checks what a loader relies on.
pub fn executable(bytes: &[u8]) {
    if let Some(script) = script::parse(&bytes[..bytes.len().min(script::HEAD_BYTES)]) {
        assert!(!script.interpreter.is_empty());
        assert!(script.argument.is_none_or(|argument| !argument.is_empty()));
    }
    let Ok(image) = elf::parse(bytes) else { return };
    let (start, end) = image.span();
    assert!(!image.segments.is_empty() && start < end);
    let mut previous_end = 0;
    for segment in &image.segments {
        assert!(segment.vaddr >= previous_end, "segments rise and don't overlap");
        assert!(segment.file_bytes <= segment.memory_bytes && segment.memory_bytes > 0);
        assert!(segment.offset.checked_add(segment.file_bytes).is_some());
        assert!(start <= segment.page_start() && segment.end() <= end);
        previous_end = segment.end();
    }
    if let Some((offset, length)) = image.interpreter {
        assert!(length <= elf::MAX_INTERPRETER_BYTES && offset.checked_add(length).is_some());
        let path = usize::try_from(offset).ok().and_then(|start| bytes.get(start..start + length as usize));
        if let Some(Ok(path)) = path.map(elf::interpreter_path) {
            assert!(!path.is_empty() && !path.contains(&0));
        }
    }
}
