//! What may stand in a request's address.

/// A path that means the same to everybody, or nothing (WEB-08).
pub(super) fn plain_path(path: &str) -> Option<&str> {
    let lower = path.to_ascii_lowercase();
    let tricky = ["//", "/.", "\\", ";", "%2e", "%2f", "%5c", "%25", "%00"];
    (path.starts_with('/') && !tricky.iter().any(|part| lower.contains(part))).then_some(path)
}

/// Secrets have no place in an address, where histories and logs keep them (WEB-05).
pub(super) fn carries_secret(query: Option<&str>) -> bool {
    query.into_iter().flat_map(|query| query.split('&')).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        ["token", "password", "secret", "auth", "apikey", "api_key"].contains(&name.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_paths_are_refused_web_08() {
        for path in
            ["/api/%2e%2e/x", "/a%252f", "//api//x", "/api/x/..;/", "/a/../b", "/a\\b", "/%2E%2e/"]
        {
            assert_eq!(plain_path(path), None, "{path}");
        }
        for path in ["/", "/chat/agent%3Amain%3Amain", "/assets/index-Ab_1.js"] {
            assert_eq!(plain_path(path), Some(path));
        }
    }

    #[test]
    fn secrets_in_queries_are_seen_web_05() {
        assert!(carries_secret(Some("session=main&token=x")));
        assert!(carries_secret(Some("Password=x")));
        assert!(!carries_secret(Some("session=main")));
        assert!(!carries_secret(None));
    }
}
