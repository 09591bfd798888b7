//! Personal data that can be erased.
