// The tabs of the side column. On a phone the conversation is one of them; on a wide screen it is
// always there. Arrow keys move between tabs, as the ARIA pattern for tabs asks.

import { find } from "./dom.js";

const PHONE = matchMedia("(max-width: 820px)");

export function setUpTabs() {
  const app = find("app");
  const tabs = [...find("tabs").querySelectorAll("[role=tab]")];
  const visible = () => tabs.filter((tab) => PHONE.matches || tab.dataset.panel !== "conversation");

  function show(panel, focus = false) {
    app.dataset.panel = panel;
    for (const tab of tabs) {
      const chosen = tab.dataset.panel === panel;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) tab.focus();
    }
  }

  for (const tab of tabs) {
    tab.addEventListener("click", () => show(tab.dataset.panel));
    tab.addEventListener("keydown", (press) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[press.key];
      if (!step) return;
      const among = visible();
      const next = among[(among.indexOf(tab) + step + among.length) % among.length];
      show(next.dataset.panel, true);
    });
  }
  const settle = () => {
    if (PHONE.matches) show("conversation");
    else if (app.dataset.panel === "conversation") show("events");
  };
  PHONE.addEventListener("change", settle);
  show("events");
  settle();
  return { show };
}
