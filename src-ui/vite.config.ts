import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

import manifest from "./package.json" with { type: "json" };

const gateway = process.env.GATEWAY_URL ?? "http://127.0.0.1:18789";

// The app's small prompt has a build of its own, so that WebChat is not cut up for it.
const QUICK = "quick";

export default defineConfig(({ mode }) => ({
  base: "/",
  define: { __APP_VERSION__: JSON.stringify(manifest.version) },
  plugins: [svelte()],
  build: {
    target: ["chrome120", "safari17", "firefox120"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    emptyOutDir: mode !== QUICK,
    copyPublicDir: mode !== QUICK,
    rollupOptions: { input: mode === QUICK ? "quick.html" : "index.html" },
  },
  server: {
    proxy: {
      "/media": gateway,
    },
  },
  // The browser build of Svelte, so that rune modules and DOMPurify run as they do in a page.
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
  test: {
    environment: "jsdom",
    include: ["tests/unit/**/*.test.ts"],
    restoreMocks: true,
    // Some go through thousands of cases, and machines can be busy.
    testTimeout: 30_000,
  },
}));
