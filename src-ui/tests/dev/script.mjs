// What the fake gateway says, and the sessions it starts with.

const MARKDOWN = `The bot token was refused. It was **revoked yesterday at 18:40**, so the channel stops after three tries. Create a new token with \`BotFather\` and put it here:

\`\`\`json
// channels.telegram
{
  "botToken": "123456:AA...",
  "retries": 3
}
\`\`\`

| Channel | State | Last message |
|---|---|--:|
| Telegram | refused | 18:39 |
| WhatsApp | connected | 08:20 |

What to do next:

- [x] find the cause
- [ ] create a new token
- [ ] restart the channel

1. Open the configuration:

   \`\`\`sh
   clawdbot config edit
   \`\`\`
2. Read [the guide](https://example.org/telegram) if anything is unclear.

> The old token cannot be restored.`;

const toolStep = (callId, name, args, output, isError = false) => [
  { stream: "tool", data: { phase: "start", name, toolCallId: callId, args } },
  { stream: "tool", data: { phase: "result", name, toolCallId: callId, isError, result: { content: [{ type: "text", text: output }] } } },
];
const toolRows = (callId, name, args, output, isError = false) => [
  { role: "assistant", content: [{ type: "toolCall", id: callId, name, arguments: args }], stopReason: "toolUse" },
  { role: "toolResult", toolCallId: callId, toolName: name, content: [{ type: "text", text: output }], isError },
];
const TOOLS = [
  ["c1", "exec", { command: "channels status --probe telegram" }, "telegram: token refused (401)"],
  ["c2", "read", { path: "~/.clawdbot/clawdbot.json" }, '{ "channels": {} }'],
  ["c3", "web_fetch", { url: "https://api.telegram.org/getMe" }, "401 Unauthorized", true],
];

/** The first entry that matches the message is played; the last one matches everything. */
export const ANSWERS = [
  { when: /error/i, text: "Let me try", error: { errorMessage: "429 rate limited by upstream, key sk-abcdefghijklmnopqrstuvwx", errorKind: "rate_limit", errorDetail: { provider: "Anthropic", model: "claude-sonnet-4-5", httpStatus: 429 } } },
  { when: /xss/i, text: 'Hello <img src=x onerror="window.pwned=1"> <script>window.pwned=1</script> [a](javascript:window.pwned=1) ![x](https://canary.invalid/x.png)' },
  { when: /stall|slow/i, text: "The file has four parts. The first, `gateway`, sets the port, the bind address and ", stall: true, everyMs: 25 },
  { when: /long/i, text: `${"This paragraph is here to fill the screen while text keeps arriving from the model.\n\n".repeat(60)}End.`, everyMs: 8 },
  {
    when: /telegram|tool/i,
    text: MARKDOWN,
    steps: [{ stream: "thinking", data: { text: "The channel is down. I should look at its status first.", delta: "" } }, ...TOOLS.flatMap((tool) => toolStep(...tool))],
    rows: TOOLS.flatMap((tool) => toolRows(...tool)),
  },
  { when: /./s, text: "Hello from the offline demo. I can show you how this window works." },
];

const HOUR = 3_600_000;

export function seedSessions() {
  const now = Date.now();
  const rows = [
    { key: "agent:main:main", updatedAt: now - HOUR },
    { key: "agent:main:telegram:dm:1", label: "Shopping list", channel: "telegram", preview: "add oat milk", updatedAt: now - 2 * HOUR },
    { key: "agent:main:dashboard:a", label: "Train to Lyon", preview: "Booked, seat 14A", updatedAt: now - 26 * HOUR },
    { key: "agent:main:dashboard:b", label: "Backup script review", preview: "Use rsync with --delete", updatedAt: now - 27 * HOUR },
    { key: "agent:main:dashboard:c", label: "Invoice template in LaTeX", updatedAt: now - 80 * HOUR },
    { key: "agent:main:dashboard:big", label: "Ten thousand lines", preview: "answer 199", updatedAt: now - 400 * HOUR },
  ];
  const sessions = new Map(rows.map((row) => [row.key, { ...row, messages: [] }]));
  sessions.get("agent:main:dashboard:big").messages = bigHistory(now - 400 * HOUR);
  return sessions;
}

function bigHistory(start) {
  return Array.from({ length: 400 }, (_, index) => {
    const turn = Math.floor(index / 2);
    const timestamp = start + turn * 60_000;
    const meta = { id: `m${index}`, seq: index + 1, runId: `r${turn}` };
    return index % 2 === 0
      ? { role: "user", content: `question ${turn}`, timestamp, idempotencyKey: `r${turn}:user`, __openclaw: meta }
      : { role: "assistant", content: [{ type: "text", text: `answer ${turn}\n\n${"Some more words to give it height. ".repeat(1 + (turn % 9) * 4)}` }], timestamp, stopReason: "stop", __openclaw: meta };
  });
}
