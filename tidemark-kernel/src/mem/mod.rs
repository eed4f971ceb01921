//! Guest memory: the region's frames and, on top, what each address space maps.

pub mod page_table;
pub mod ram;
