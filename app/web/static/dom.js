// Two small words for the views: find an element, make an element. Text is always set as text,
// never as markup: what the model or a user says cannot become part of the page.

/** @param {string} id */
export function find(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}

/**
 * @param {string} tag  @param {Object} fields properties; `class`, `data` and `aria-*` too
 * @param {...(Node|string|null)} children
 */
export function make(tag, fields = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(fields)) {
    if (key === "class") element.className = value;
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

/** Local storage that may be forbidden (private windows): then nothing is remembered. */
export function remember(key, value) {
  try {
    if (value === undefined) return localStorage.getItem(`relay.${key}`) ?? "";
    localStorage.setItem(`relay.${key}`, value);
  } catch {
    // Not remembering is all that happens.
  }
  return value ?? "";
}
