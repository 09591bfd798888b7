//! A hundred and fifty versions of one event, each with its own type.

use memimage::Image;
use tempfile::tempdir;

use super::open;

mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Count {
        pub steps: u32,
    }

    #[memimage::commands]
    impl Count {
        #[command]
        pub fn step(&mut self, taken: u32) {
            self.steps += taken;
        }
    }
}

/// Declares past types, each with an upcaster to the type before it in the list and the first with one to the payload; then the
/// model.
macro_rules! program {
    (@types $next:ident) => {};
    (@types $next:ident $old:ident $($older:ident)*) => {
        #[derive(Deserialize, Shape)]
        struct $old {
            taken: u32,
        }

        #[memimage::upcast]
        fn $old(old: $old) -> $next {
            $next { taken: old.taken + 1 }
        }

        program!(@types $old $($older)*);
    };
    (@model $($old:ident)*) => {
        #[memimage::commands]
        impl Count {
            #[command(version = 151, history($($old),*))]
            fn step(&mut self, taken: u32) {
                self.steps += taken;
            }
        }
    };
    (@reverse [$($reversed:ident)*]) => { program!(@model $($reversed)*); };
    (@reverse [$($reversed:ident)*] $first:ident $($rest:ident)*) => { program!(@reverse [$first $($reversed)*] $($rest)*); };
    ($($old:ident)*) => {
        program!(@types CountStep $($old)*);
        program!(@reverse [] $($old)*);
    };
}

#[allow(non_snake_case, reason = "a function is named after its type")]
mod later {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Count {
        pub(super) steps: u32,
    }

    program! {
        V150 V149 V148 V147 V146 V145 V144 V143 V142 V141 V140 V139 V138 V137 V136 V135 V134 V133 V132 V131
        V130 V129 V128 V127 V126 V125 V124 V123 V122 V121 V120 V119 V118 V117 V116 V115 V114 V113 V112 V111
        V110 V109 V108 V107 V106 V105 V104 V103 V102 V101 V100 V99 V98 V97 V96 V95 V94 V93 V92 V91 V90 V89
        V88 V87 V86 V85 V84 V83 V82 V81 V80 V79 V78 V77 V76 V75 V74 V73 V72 V71 V70 V69 V68 V67 V66 V65 V64
        V63 V62 V61 V60 V59 V58 V57 V56 V55 V54 V53 V52 V51 V50 V49 V48 V47 V46 V45 V44 V43 V42 V41 V40 V39
        V38 V37 V36 V35 V34 V33 V32 V31 V30 V29 V28 V27 V26 V25 V24 V23 V22 V21 V20 V19 V18 V17 V16 V15 V14
        V13 V12 V11 V10 V9 V8 V7 V6 V5 V4 V3 V2 V1
    }
}

use first::CountCommands as _;

#[test]
fn the_first_of_a_hundred_and_fifty_versions_is_replayed() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("count");
    let count = open::<first::Count>(&path);
    count.step(1).unwrap();
    Image::close(count).unwrap();
    assert_eq!(open::<later::Count>(&path).read_uncommitted().unwrap().steps, 151);
}
