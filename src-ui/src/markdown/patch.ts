/** Makes drawn nodes like new ones with as few changes as possible: what stays keeps its selection and costs no layout. */

export function patch(shown: Node, fresh: Node): void {
  const before = [...shown.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, index) => {
    const old = before[index];
    if (!old) shown.appendChild(node);
    else if (!sameKind(old, node)) shown.replaceChild(node, old);
    else if (old instanceof Text) retext(old, (node as Text).data);
    else patch(old, node);
  });
  for (const gone of before.slice(after.length)) gone.remove();
}

/** Appended text keeps the selection in what was there before. */
export function retext(shown: Text, text: string): void {
  if (shown.data === text) return;
  if (text.startsWith(shown.data)) shown.appendData(text.slice(shown.length));
  else shown.data = text;
}

function sameKind(a: Node, b: Node): boolean {
  if (!(a instanceof Element) || !(b instanceof Element)) return a.nodeType === b.nodeType;
  const names = a.getAttributeNames();
  return a.tagName === b.tagName && names.length === b.attributes.length && names.every((name) => a.getAttribute(name) === b.getAttribute(name));
}
