//! Tests that run the compiler. All code is in `tests/compile/`: cargo wants a library or a program beside it.
