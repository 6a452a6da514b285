// Runs before the first paint so that the page never flashes in the wrong theme.
(function () {
  var theme = "system";
  var contrast = "normal";
  try {
    var saved = JSON.parse(localStorage.getItem("webchat:settings") || "{}");
    if (saved.theme === "light" || saved.theme === "dark") theme = saved.theme;
    if (saved.contrast === "more") contrast = "more";
    if (typeof saved.language === "string" && /^(en|fr|es)$/.test(saved.language)) {
      document.documentElement.lang = saved.language;
    }
  } catch (_) {
    // Storage can be refused; the defaults are fine.
  }
  if (theme === "system") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.contrast = contrast;
})();
