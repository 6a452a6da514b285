import { describe, expect, it } from "vitest";
import { completionQuery, parseSlash, rank, type Command } from "../../src/commands/slash";

const command = (name: string, local?: Command["local"], description = ""): Command => ({ name, local, description, acceptsArgs: false, choices: [] });
const all = [command("new", "new"), command("reset", "reset"), command("status", "status", "Show health"), command("stop", "stop"), command("think")];
const names = (query: string, running = false) => rank(all, query, { running }).map((entry) => entry.name);

describe("parsing", () => {
  it.each([
    ["/new", { name: "new", args: "" }],
    ["/Think high", { name: "think", args: "high" }],
    ["/x a\nb ", { name: "x", args: "a\nb" }],
  ])("%j is a command", (text, expected) => expect(parseSlash(text)).toEqual(expected));
  it.each(["", "/", "hello /new", "/etc/hosts", "/ new", "//x", " /new"])("%j is a message", (text) => expect(parseSlash(text)).toBeNull());
});

describe("completion", () => {
  it("knows the name and the argument being typed", () => {
    expect(completionQuery("/")).toEqual({ name: "", argument: null });
    expect(completionQuery("/th")).toEqual({ name: "th", argument: null });
    expect(completionQuery("/think ")).toEqual({ name: "think", argument: "" });
    expect(completionQuery("/think hi")).toEqual({ name: "think", argument: "hi" });
    expect(completionQuery("text")).toBeNull();
    expect(completionQuery("/a\nb")).toBeNull();
  });

  it("puts the best match first", () => {
    expect(names("st", true)).toEqual(["stop", "status", "reset"]);
    expect(names("stat")[0]).toBe("status");
    expect(names("rst")).toEqual(["reset"]);
    expect(names("health")).toEqual(["status"]);
    expect(names("zzz")).toEqual([]);
  });

  it("does not offer stop on top when nothing runs", () => {
    expect(names("st")).toEqual(["status", "reset", "stop"]);
    expect(names("").at(-1)).toBe("stop");
  });
});
