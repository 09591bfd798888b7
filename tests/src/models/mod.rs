//! Models that several suites share.

mod book;
mod ledger;

pub use book::{Book, BookCommands, BookDraw, BookEvent, BookTear, BookWrite, NoPage};
pub use ledger::{
    Ledger, LedgerBurn, LedgerCommands, LedgerDeposit, LedgerDraw, LedgerEntry, LedgerEvent, LedgerExplode, LedgerFile,
    LedgerSettle, LedgerWithdraw, Overdrawn, TooLittle,
};
