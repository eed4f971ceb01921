//! Every guest program, run natively and compared with the oracle: one test a family.

use tidemark_tests::{check_family, families};

macro_rules! families {
    ($($family:ident)*) => {
        $(
            #[test]
            fn $family() {
                check_family(stringify!($family));
            }
        )*

        #[test]
        fn no_family_is_left_out() {
            assert_eq!(families(), [$(stringify!($family)),*]);
        }
    };
}

families! { bench errors events files futex isa litmus memory mqueue processes ptrace signals sockets startup streams stress sysvipc terminals time }
