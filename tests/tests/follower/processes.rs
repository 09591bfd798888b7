//! An owner that is killed, and followers in other processes.
