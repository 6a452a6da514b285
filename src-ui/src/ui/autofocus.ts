/** Where the focus goes when the dialog around it opens. The attribute itself is taken away by the compiler. */
export const autofocus = (node: HTMLElement) => node.setAttribute("autofocus", "");
