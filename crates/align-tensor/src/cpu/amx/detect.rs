//! Detection of tiles that this process may use.

/// Whether the CPU has tiles of 16 rows of 64 bytes and bf16 products of them, and the system saves
/// their state and permits this process to use them.
#[cfg(target_os = "linux")]
pub(super) fn is_usable() -> bool {
    cpu_has_tiles() && system_saves_tiles() && system_permits()
}

/// Tiles are used on Linux alone.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_usable() -> bool {
    false
}

/// Intel SDM, `CPUID` leaves 7 (features) and 1DH (the sizes of palette 1).
#[cfg(target_os = "linux")]
fn cpu_has_tiles() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    let largest_leaf = __cpuid(0).eax;
    if largest_leaf < 0x1d {
        return false;
    }
    let features = __cpuid_count(7, 0).edx;
    if features & AMX_BF16 == 0 || features & AMX_TILE == 0 || __cpuid_count(0x1d, 0).eax < 1 {
        return false;
    }
    let palette = __cpuid_count(0x1d, 1);
    let (row_bytes, tiles) = (palette.ebx & 0xffff, palette.ebx >> 16);
    row_bytes == 64 && tiles == 8 && palette.ecx & 0xffff == 16
}

/// Bits 17 and 18 of XCR0: the system saves tile configuration and tile data.
#[cfg(target_os = "linux")]
fn system_saves_tiles() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const TILE_STATE: u64 = 1 << 17 | 1 << 18;
    if std::arch::x86_64::__cpuid(1).ecx & OSXSAVE == 0 {
        return false;
    }
    let (low, high): (u32, u32);
    // SAFETY: with `OSXSAVE`, the CPU has `xgetbv`. Register 0 always exists, and it is only read.
    unsafe {
        std::arch::asm!(
            "xgetbv",
            in("ecx") 0,
            out("eax") low,
            out("edx") high,
            options(nomem, nostack, preserves_flags),
        );
    }
    (u64::from(high) << 32 | u64::from(low)) & TILE_STATE == TILE_STATE
}

/// Asks Linux for permission to use tile data (`arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`),
/// which it grants to the whole process. Without permission, the first use would end the process.
#[cfg(target_os = "linux")]
fn system_permits() -> bool {
    const ARCH_PRCTL: usize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let result: isize;
    // SAFETY: this call accepts two numbers and touches no memory of the process. By the kernel's
    // calling convention it overwrites rcx and r11, which are declared.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL as isize => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result == 0
}
