// The page in place of one whose process has ended: as little as can be, in the person's language.
(function () {
  var words = {
    fr: [
      "Cette page s’est arrêtée",
      "La partie du système qui l’affiche s’est terminée d’elle-même. La passerelle fonctionne toujours, et toute réponse en cours aussi. Votre saisie a été enregistrée juste avant.",
      "Recharger WebChat",
    ],
    es: [
      "Esta página se ha detenido",
      "La parte del sistema que la dibuja terminó por sí sola. El gateway sigue funcionando, y también cualquier respuesta en curso. Lo que escribiste se guardó un momento antes.",
      "Volver a cargar WebChat",
    ],
  };
  var language = (document.documentElement.lang !== "en" ? document.documentElement.lang : navigator.language).slice(0, 2);
  var said = words[language];
  if (said) {
    document.documentElement.lang = language;
    ["what", "why", "next"].forEach(function (id, index) {
      document.getElementById(id).textContent = said[index];
    });
  }
  document.getElementById("next").focus();
})();
