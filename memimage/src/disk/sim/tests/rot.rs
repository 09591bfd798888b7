//! Tests of bit rot in reads and on disk.

use super::*;

fn read(disk: &SimDisk) -> Vec<u8> {
    let mut bytes = vec![0; 5];
    assert_eq!(open(disk, "a").read_at(&mut bytes, 0).unwrap(), 5);
    bytes
}

#[test]
fn a_bit_is_read_wrong_once() {
    let disk = disk_with("a", b"hello");
    disk.inject(Fault::rot_at(1, 5));
    assert_eq!(read(&disk), b"hEllo");
    assert_eq!((read(&disk), disk.strikes()), (b"hello".to_vec(), 1));
}

#[test]
fn a_bit_rotten_on_disk_stays_wrong() {
    let disk = disk_with("a", b"hello");
    disk.inject(Fault::rot_at(1, 5).effect(Effect::Everything));
    assert_eq!((disk.read("a").unwrap(), read(&disk)), (b"hello".to_vec(), b"hEllo".to_vec()));
    assert_eq!((read(&disk), disk.read("a").unwrap()), (b"hEllo".to_vec(), b"hEllo".to_vec()));
    assert_eq!(disk.crash(|_| false).read("a").unwrap(), b"hEllo");
}

#[test]
fn rot_at_an_offset_strikes_the_first_read_of_that_byte() {
    let disk = disk_with("a", b"hello");
    disk.inject(Fault::rot_at(4, 0));
    let mut bytes = [0; 4];
    open(&disk, "a").read_at(&mut bytes, 0).unwrap();
    assert_eq!((bytes, disk.strikes()), (*b"hell", 0));
    assert_eq!(read(&disk), b"helln");
}

#[test]
fn bit_rot_follows_its_rate_and_seed() {
    let reads_with_rot = |seed| {
        let disk = disk_with("a", b"hello");
        disk.inject(Fault::rot().one_in(10).seed(seed));
        (0..400).map(|_| read(&disk)).collect::<Vec<_>>()
    };
    let reads = reads_with_rot(1);
    let wrong: Vec<_> = reads.iter().filter(|bytes| *bytes != b"hello").collect();
    assert!((20..60).contains(&wrong.len()), "{}", wrong.len());
    let bits = |bytes: &[u8]| bytes.iter().zip(b"hello").map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
    assert!(wrong.iter().all(|bytes| bits(bytes) == 1), "one wrong bit in each read");
    assert!(wrong.iter().collect::<BTreeSet<_>>().len() > 10, "different bits rot");
    assert_eq!(reads, reads_with_rot(1));
    assert_ne!(reads, reads_with_rot(2));
}
