//! Keys that a document may hold although nothing reads them yet.

/// Blocks and the names in them, beside those of [`crate::Config`]. `*` stands for any one name, also
/// for the position in a list. What is below a name that is no block of this table is free.
const KNOWN: &[(&str, &str)] = &[
    (
        "",
        "$schema auth bindings approvals channels discovery canvasHost talk update wizard meta messages commands plugins browser broadcast audio media memory nodeHost diagnostics web acp mcp secrets security cli",
    ),
    (
        "gateway",
        "publicOrigin reload tls terminal roles channelHealthCheckMinutes handshakeTimeoutMs",
    ),
    ("gateway.auth", "identityScopes"),
    ("gateway.auth.trustedProxy", "deviceAutoApprove"),
    (
        "gateway.controlUi",
        "allowInsecureAuth dangerouslyDisableDeviceAuth dangerouslyAllowHostHeaderOriginFallback embedSandbox",
    ),
    ("gateway.tailscale", "preserveFunnel"),
    ("gateway.remote", "sshHostKeyPolicy edgeAuth"),
    ("gateway.reload", "mode debounceMs"),
    ("gateway.tls", "enabled autoGenerate certPath keyPath caPath"),
    ("gateway.http.endpoints.responses", "files images allowUrl"),
    ("gateway.nodes", "browser"),
    ("gateway.nodes.browser", "mode node"),
    ("gateway.nodes.pairing", "autoApproveCidrs sshVerify"),
    ("gateway.tools", "allow"),
    ("gateway.terminal", "enabled"),
    ("auth", "profiles order cooldowns"),
    ("auth.profiles.*", "provider mode email"),
    (
        "auth.cooldowns",
        "billingBackoffHours billingBackoffHoursByProvider billingMaxHours failureWindowHours",
    ),
    (
        "session",
        "groupScope identityLinks resetByType resetByChannel idleMinutes store typingMode typingIntervalSeconds sendPolicy agentToAgent sharing maintenance threadBindings",
    ),
    ("session.resetByType", "dm direct group thread"),
    ("session.sendPolicy", "default rules"),
    ("session.agentToAgent", "maxPingPongTurns"),
    ("models", "bedrockDiscovery"),
    ("models.providers.*", "auth maxTokens params request localService"),
    ("models.providers.*.models.*", "compat"),
    ("agents.list.*", "agentDir groupChat subagents memorySearch"),
    ("agents.entries.*", "agentDir groupChat subagents memorySearch"),
    ("agents.list.*.identity", "theme"),
    ("agents.entries.*.identity", "theme"),
    (
        "agents.defaults",
        "imageModel modelPolicy elevatedDefault reasoningDefault blockStreamingDefault blockStreamingBreak blockStreamingChunk blockStreamingCoalesce subagents typingMode typingIntervalSeconds compaction contextPruning",
    ),
    ("agents.defaults.subagents", "maxConcurrent"),
    ("agents.defaults.heartbeat", "session target to includeReasoning"),
    ("agents.list.*.heartbeat", "session target to includeReasoning"),
    ("agents.entries.*.heartbeat", "session target to includeReasoning"),
    ("agents.defaults.sandbox", SANDBOX),
    ("agents.list.*.sandbox", SANDBOX),
    ("agents.entries.*.sandbox", SANDBOX),
    ("tools", TOOLS),
    ("agents.list.*.tools", TOOLS),
    ("agents.entries.*.tools", TOOLS),
    ("tools.byProvider.*", "allow deny profile"),
    ("tools.exec", EXEC),
    ("agents.list.*.tools.exec", EXEC),
    ("agents.entries.*.tools.exec", EXEC),
    ("tools.elevated", "enabled allowFrom"),
    ("tools.web", "search fetch"),
    ("tools.web.search", "enabled provider apiKey maxResults timeoutSeconds cacheTtlMinutes"),
    ("tools.web.fetch", "enabled maxChars timeoutSeconds cacheTtlMinutes userAgent readability"),
    ("tools.agentToAgent", "enabled allow"),
    ("tools.fs", "workspaceOnly"),
    ("approvals", "exec"),
    ("approvals.exec", "enabled mode agentFilter sessionFilter targets"),
    ("logging", "consoleStyle redactPatterns maxFileBytes audit"),
    ("channels.telegram", TELEGRAM),
    ("channels.telegram.accounts.*", TELEGRAM),
    ("env", "*"),
    ("env.shellEnv", "enabled timeoutMs"),
    ("cron", "store"),
    ("hooks", "transformsDir"),
    ("hooks.mappings.*", "deliver channel to transform allowUnsafeExternalContent"),
    ("discovery", "mdns wideArea"),
    ("canvasHost", "enabled root port liveReload"),
    ("update", "channel checkOnStart"),
    ("wizard", "lastRunAt lastRunVersion lastRunCommit lastRunCommand lastRunMode"),
    ("meta", "lastTouchedVersion lastTouchedAt"),
    ("skills", "allowBundled load limits"),
    ("skills.install", "preferBrew"),
    ("skills.entries.*", "config"),
];

const SANDBOX: &str = "workspaceAccess scope workspaceRoot docker browser prune";

const TOOLS: &str = "byProvider elevated web media links message agentToAgent subagents sandbox fs toolSearch codeMode loopDetection";

const EXEC: &str = "node pathPrepend safeBins backgroundMs cleanupMs notifyOnExit applyPatch";

const TELEGRAM: &str = "enabled name botToken tokenFile dmPolicy allowFrom groupPolicy groupAllowFrom groups historyLimit dmHistoryLimit textChunkLimit streamMode streaming replyToMode mediaMaxMb actions reactionNotifications webhookUrl webhookSecret webhookPath proxy network accounts commands customCommands";

/// The names accepted in the block at `path`, or `None` when the table does not list that block.
pub(crate) fn known_in(path: &[String]) -> Option<Vec<&'static str>> {
    let mut names = None;
    for (block, listed) in KNOWN {
        if is_block(block, path) {
            names.get_or_insert_with(Vec::new).extend(listed.split(' '));
        }
    }
    names
}

fn is_block(block: &str, path: &[String]) -> bool {
    if block.is_empty() { path.is_empty() } else { crate::slots::matches(block, path) }
}

/// The name closest to `name`, if one is close enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .filter(|candidate| *candidate != "*")
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
