//! What procfs tells of memory as a whole (`proc_meminfo(5)`, `proc_vmstat(5)`, `proc_zoneinfo(5)` and their neighbours).

use crate::addr::PAGE_SIZE;
use crate::system::System;

/// Memory in use by kind, in bytes.
struct Use {
    total: u64,
    free: u64,
    /// Private pages of processes.
    anonymous: u64,
    /// Pages that processes map of files and shared memory.
    mapped: u64,
    /// Pages of files: all are in memory, and most nowhere else.
    cached: u64,
}

fn memory(sys: &System) -> Use {
    let usage = sys.mem.frames.usage();
    let (mut anonymous, mut mapped) = (0, 0);
    for space in sys.mem.spaces.iter() {
        let resident = space.resident();
        anonymous += resident.anonymous * PAGE_SIZE;
        mapped += resident.shared * PAGE_SIZE;
    }
    // Pages that processes share after `fork` are counted with each.
    let anonymous = anonymous.min(usage.used);
    let cached = usage.used - anonymous;
    Use {
        total: usage.budget,
        free: usage.budget.saturating_sub(usage.used),
        anonymous,
        mapped: mapped.min(cached),
        cached,
    }
}

pub(super) fn meminfo(sys: &mut System) -> Vec<u8> {
    let Use { total, free, anonymous, mapped, cached } = memory(sys);
    let peak = sys.mem.frames.usage().high_water;
    // As much as user space has addresses for (`VMALLOC_TOTAL`'s place in Linux's sv48 layout).
    const VMALLOC: u64 = 1 << 46;
    let rows = [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", cached),
        ("SwapCached", 0),
        ("Active", anonymous + cached),
        ("Inactive", 0),
        ("Active(anon)", anonymous + cached),
        ("Inactive(anon)", 0),
        ("Active(file)", 0),
        ("Inactive(file)", 0),
        ("Unevictable", 0),
        ("Mlocked", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", anonymous),
        ("Mapped", mapped),
        ("Shmem", cached),
        ("KReclaimable", 0),
        ("Slab", 0),
        ("SReclaimable", 0),
        ("SUnreclaim", 0),
        ("KernelStack", 0),
        ("PageTables", 0),
        ("SecPageTables", 0),
        ("NFS_Unstable", 0),
        ("Bounce", 0),
        ("WritebackTmp", 0),
        ("CommitLimit", total),
        ("Committed_AS", peak),
        ("VmallocTotal", VMALLOC),
        ("VmallocUsed", 0),
        ("VmallocChunk", 0),
        ("Percpu", 0),
        ("AnonHugePages", 0),
        ("ShmemHugePages", 0),
        ("ShmemPmdMapped", 0),
        ("FileHugePages", 0),
        ("FilePmdMapped", 0),
        ("Unaccepted", 0),
    ];
    let text = rows.iter().map(|(name, bytes)| {
        let name = format!("{name}:");
        format!("{name:<15} {:>8} kB\n", bytes >> 10)
    });
    let pages = ["HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp"]
        .map(|name| format!("{:<15} {:>8}\n", format!("{name}:"), 0));
    let sizes = [("Hugepagesize", 2048), ("Hugetlb", 0)]
        .map(|(name, kib)| format!("{:<15} {kib:>8} kB\n", format!("{name}:")));
    (text.collect::<String>() + &pages.concat() + &sizes.concat()).into_bytes()
}

pub(super) fn vmstat(sys: &mut System) -> Vec<u8> {
    let Use { free, anonymous, mapped, cached, .. } = memory(sys);
    let running = sys.tasks.threads().map(|thread| thread.usage.minor_faults).sum::<u64>();
    let ended: u64 = sys
        .tasks
        .processes()
        .map(|process| process.usage.minor_faults + process.children_usage.minor_faults)
        .sum();
    let rows = [
        ("nr_free_pages", free / PAGE_SIZE),
        ("nr_zone_inactive_anon", 0),
        ("nr_zone_active_anon", anonymous / PAGE_SIZE),
        ("nr_zone_inactive_file", 0),
        ("nr_zone_active_file", 0),
        ("nr_inactive_anon", 0),
        ("nr_active_anon", anonymous / PAGE_SIZE),
        ("nr_inactive_file", 0),
        ("nr_active_file", 0),
        ("nr_unevictable", 0),
        ("nr_slab_reclaimable", 0),
        ("nr_slab_unreclaimable", 0),
        ("nr_anon_pages", anonymous / PAGE_SIZE),
        ("nr_mapped", mapped / PAGE_SIZE),
        ("nr_file_pages", cached / PAGE_SIZE),
        ("nr_dirty", 0),
        ("nr_writeback", 0),
        ("nr_shmem", cached / PAGE_SIZE),
        ("pgpgin", 0),
        ("pgpgout", 0),
        ("pswpin", 0),
        ("pswpout", 0),
        ("pgalloc_normal", 0),
        ("pgfree", 0),
        ("pgfault", running + ended),
        ("pgmajfault", 0),
        ("oom_kill", 0),
    ];
    rows.map(|(name, value)| format!("{name} {value}\n")).concat().into_bytes()
}

/// Blocks by size are not told apart: single pages.
pub(super) fn buddyinfo(sys: &mut System) -> Vec<u8> {
    let free = memory(sys).free / PAGE_SIZE;
    let larger = format!(" {:>6}", 0).repeat(10);
    format!("Node 0, zone {:>8} {free:>6}{larger} \n", "Normal").into_bytes()
}

pub(super) fn pagetypeinfo(sys: &mut System) -> Vec<u8> {
    let free = memory(sys).free / PAGE_SIZE;
    let larger = format!(" {:>6}", 0).repeat(10);
    format!(
        "Page block order: 9\nPages per block:  512\n\nFree pages count per migrate type at order {}\n\
         Node    0, zone {:>8}, type {:>12} {free:>6}{larger} \n",
        (0..11).map(|order| format!("{order:>6} ")).collect::<String>(),
        "Normal",
        "Movable"
    )
    .into_bytes()
}

pub(super) fn zoneinfo(sys: &mut System) -> Vec<u8> {
    let Use { total, free, anonymous, mapped, cached } = memory(sys);
    let pages = |bytes: u64| bytes / PAGE_SIZE;
    format!(
        "Node 0, zone   Normal\n  per-node stats\n      nr_anon_pages {}\n      nr_mapped    {}\n      nr_file_pages {}\n\
         \x20 pages free     {}\n        boost    0\n        min      0\n        low      0\n        high     0\n\
         \x20       spanned  {}\n        present  {}\n        managed  {}\n        cma      0\n\
         \x20       protection: (0, 0)\n",
        pages(anonymous),
        pages(mapped),
        pages(cached),
        pages(free),
        pages(total),
        pages(total),
        pages(total)
    )
    .into_bytes()
}

pub(super) fn slabinfo(_sys: &mut System) -> Vec<u8> {
    b"slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : \
      tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
        .to_vec()
}
