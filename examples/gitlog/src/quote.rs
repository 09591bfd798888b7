//! Paths as git prints them: quoted like a string of C if they contain a quote, a backslash or a control character.

/// The path as git prints it with `core.quotePath=false`, which leaves bytes above 127 alone.
pub(crate) fn quote(path: &[u8]) -> Vec<u8> {
    if !path.iter().any(|byte| is_special(*byte)) {
        return path.to_vec();
    }
    let mut quoted = vec![b'"'];
    for &byte in path {
        let letter = match byte {
            b'"' | b'\\' => byte,
            0x07 => b'a',
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0B => b'v',
            0x0C => b'f',
            b'\r' => b'r',
            _ if is_special(byte) => {
                quoted.extend(format!("\\{byte:03o}").bytes());
                continue;
            }
            _ => {
                quoted.push(byte);
                continue;
            }
        };
        quoted.extend([b'\\', letter]);
    }
    quoted.push(b'"');
    quoted
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\') || byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &[u8], printed: &[u8]) {
        assert_eq!(quote(path), printed, "{}", path.escape_ascii());
    }

    #[test]
    fn special_characters_are_quoted() {
        check(b"a\"b", b"\"a\\\"b\"");
        check(b"a\\b", b"\"a\\\\b\"");
        check(b"\x07\x08\t\n\x0B\x0C\r", br#""\a\b\t\n\v\f\r""#);
        check(b"\x01\x1B\x1F\x7F", br#""\001\033\037\177""#);
    }

    #[test]
    fn other_bytes_are_not_quoted() {
        for path in [&b"dir/file name.txt"[..], b"'*?$`;", "Größe".as_bytes(), b"\x80\xFF", b"~"] {
            check(path, path);
        }
        check("ü\n".as_bytes(), "\"ü\\n\"".as_bytes());
    }
}
