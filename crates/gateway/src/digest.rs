//! SHA-256 as text.

use sha2::{Digest as _, Sha256};

/// The digest of some bytes in lower-case hexadecimal. What is kept of a secret that cannot be worked
/// out is its digest.
pub(crate) fn digest(of: impl AsRef<[u8]>) -> String {
    Sha256::digest(of).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha_256() {
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest("abc"), of_abc);
        assert_eq!(digest(b"abc"), of_abc);
    }
}
