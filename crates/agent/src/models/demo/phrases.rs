//! What the demo says, in three languages.

use std::sync::LazyLock;

use whatlang::{Detector, Lang};

/// The longest part of a message or tool result that is repeated.
const ECHO_LIMIT: usize = 600;

/// The texts of one language.
pub(super) struct Phrases {
    pub(super) notice: &'static str,
    pub(super) introduction: &'static str,
    pub(super) code: &'static str,
    pub(super) table: &'static str,
    pub(super) list: &'static str,
    you_wrote: &'static str,
    images: &'static str,
    tool_answered: &'static str,
    tool_failed: &'static str,
}

const ENGLISH: Phrases = Phrases {
    notice: "This is the built-in demo: it runs offline and follows a script, it is not an AI model.",
    introduction: "\
Clawdbot Desktop is your own assistant on your own computer: this chat, a tray icon and a gateway \
that other devices can reach.

**Connect a real model**, whichever is easiest:

1. Set a key such as `ANTHROPIC_API_KEY`, `OPENAI_API_KEY` or `GEMINI_API_KEY` and restart.
2. Add a provider below `models.providers` in `~/.clawdbot/clawdbot.json`.
3. Start [Ollama](https://ollama.com) on this computer: its models are found by themselves.

Meanwhile try `status`, `read AGENTS.md`, or ask for a table, a list or some code.",
    code: "A code block:\n\n```rust\nfn main() {\n    println!(\"Hello from the demo\");\n}\n```\n\n",
    table: "A table:\n\n| Provider | Key |\n| --- | --- |\n| Anthropic | `ANTHROPIC_API_KEY` |\n| OpenAI | `OPENAI_API_KEY` |\n| Google | `GEMINI_API_KEY` |\n\n",
    list: "A list:\n\n- chat in this window\n- chat in the browser\n- reach the gateway from another device\n\n",
    you_wrote: "You wrote:",
    images: "Images received:",
    tool_answered: "The tool returned:",
    tool_failed: "The tool could not do that:",
};

const FRENCH: Phrases = Phrases {
    notice: "Ceci est la démonstration intégrée : elle fonctionne hors ligne et suit un script, ce n'est pas un modèle d'IA.",
    introduction: "\
Clawdbot Desktop est votre assistant sur votre ordinateur : cette conversation, une icône dans la \
barre système et une passerelle que vos autres appareils peuvent joindre.

**Pour connecter un vrai modèle**, au choix :

1. Définissez une clé comme `ANTHROPIC_API_KEY`, `OPENAI_API_KEY` ou `GEMINI_API_KEY`, puis redémarrez.
2. Ajoutez un fournisseur sous `models.providers` dans `~/.clawdbot/clawdbot.json`.
3. Lancez [Ollama](https://ollama.com) sur cet ordinateur : ses modèles sont trouvés tout seuls.

En attendant, essayez `statut`, `lis AGENTS.md`, ou demandez un tableau, une liste ou du code.",
    code: "Un bloc de code :\n\n```rust\nfn main() {\n    println!(\"Bonjour de la démonstration\");\n}\n```\n\n",
    table: "Un tableau :\n\n| Fournisseur | Clé |\n| --- | --- |\n| Anthropic | `ANTHROPIC_API_KEY` |\n| OpenAI | `OPENAI_API_KEY` |\n| Google | `GEMINI_API_KEY` |\n\n",
    list: "Une liste :\n\n- discuter dans cette fenêtre\n- discuter dans le navigateur\n- joindre la passerelle depuis un autre appareil\n\n",
    you_wrote: "Vous avez écrit :",
    images: "Images reçues :",
    tool_answered: "L'outil a répondu :",
    tool_failed: "L'outil n'a pas pu le faire :",
};

const SPANISH: Phrases = Phrases {
    notice: "Esta es la demostración integrada: funciona sin conexión y sigue un guion, no es un modelo de IA.",
    introduction: "\
Clawdbot Desktop es tu asistente en tu ordenador: esta conversación, un icono en la bandeja y una \
pasarela a la que llegan tus otros dispositivos.

**Para conectar un modelo de verdad**, elige:

1. Define una clave como `ANTHROPIC_API_KEY`, `OPENAI_API_KEY` o `GEMINI_API_KEY` y reinicia.
2. Añade un proveedor en `models.providers` de `~/.clawdbot/clawdbot.json`.
3. Inicia [Ollama](https://ollama.com) en este ordenador: sus modelos se encuentran solos.

Mientras tanto prueba `estado`, `lee AGENTS.md`, o pide una tabla, una lista o código.",
    code: "Un bloque de código:\n\n```rust\nfn main() {\n    println!(\"Hola desde la demostración\");\n}\n```\n\n",
    table: "Una tabla:\n\n| Proveedor | Clave |\n| --- | --- |\n| Anthropic | `ANTHROPIC_API_KEY` |\n| OpenAI | `OPENAI_API_KEY` |\n| Google | `GEMINI_API_KEY` |\n\n",
    list: "Una lista:\n\n- conversar en esta ventana\n- conversar en el navegador\n- llegar a la pasarela desde otro dispositivo\n\n",
    you_wrote: "Has escrito:",
    images: "Imágenes recibidas:",
    tool_answered: "La herramienta respondió:",
    tool_failed: "La herramienta no pudo hacerlo:",
};

impl Phrases {
    /// The texts in the language of `message`; English when it is unclear.
    pub(super) fn of(message: &str) -> &'static Self {
        match language(message) {
            Lang::Fra => &FRENCH,
            Lang::Spa => &SPANISH,
            _ => &ENGLISH,
        }
    }

    /// The usual answer: what this is, what was said, how to go on.
    pub(super) fn about(&self, asked: &str, images: usize) -> String {
        let mut text = self.notice.to_owned();
        if !asked.trim().is_empty() {
            let quoted = shortened(asked).trim().replace('\n', "\n> ");
            text.push_str(&format!("\n\n{}\n\n> {quoted}", self.you_wrote));
        }
        if images > 0 {
            text.push_str(&format!("\n\n{} {images}", self.images));
        }
        text.push_str("\n\n");
        text.push_str(self.introduction);
        text
    }

    /// The answer after a tool call.
    pub(super) fn after_tool(&self, tool: &str, result: &str, failed: bool) -> String {
        let lead = if failed { self.tool_failed } else { self.tool_answered };
        let result = shortened(result);
        let fence = fence_for(&result);
        format!("{}\n\n`{tool}` · {lead}\n\n{fence}\n{}\n{fence}", self.notice, result.trim_end())
    }
}

fn language(message: &str) -> Lang {
    static DETECTOR: LazyLock<Detector> =
        LazyLock::new(|| Detector::with_allowlist(vec![Lang::Eng, Lang::Fra, Lang::Spa]));
    let words: Vec<String> =
        message.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase).collect();
    let says = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    // Trigrams cannot tell the language of a greeting or a single command.
    if says(&["bonjour", "salut", "merci", "lis", "statut", "tableau", "liste", "fais"]) {
        return Lang::Fra;
    }
    if says(&["hola", "gracias", "lee", "estado", "tabla", "lista", "buenos"]) {
        return Lang::Spa;
    }
    match DETECTOR.detect(message) {
        Some(info) if info.is_reliable() => info.lang(),
        _ => Lang::Eng,
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(ECHO_LIMIT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A fence longer than any run of backticks inside.
fn fence_for(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}
