"use strict";
(() => {
  const id = (name) => document.getElementById(name);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const value = (name) => (id(name) ? id(name).value : "");

  // Text is read once for each element: reading it for each key typed would be slow with ten thousand pods.
  const texts = new WeakMap();
  const text = (element) => {
    if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
    return texts.get(element);
  };

  const checks = all(".check").map((element) => ({
    element, v: element.dataset.v, s: element.dataset.s, c: element.dataset.c,
    head: element.querySelector("summary"), findings: all(".findings > li", element),
  }));
  const spaces = all(".ns").map((element) => ({
    element, c: element.dataset.c, ns: element.dataset.ns,
    name: element.dataset.ns.toLowerCase(), rows: all("tbody tr", element),
  }));

  // An element that a search has unfolded is folded again when the search is over.
  const unfold = (element, want) => {
    if (want && !element.open) {
      element.dataset.unfolded = "";
      element.open = true;
    } else if (!want && "unfolded" in element.dataset) {
      delete element.dataset.unfolded;
      element.open = false;
    }
  };

  const filter = () => {
    const words = value("q").toLowerCase().split(/\s+/).filter(Boolean);
    const has = (...parts) => words.every((word) => parts.some((part) => part.includes(word)));
    const [verdict, severity, pods, namespace, cluster] = ["verdict", "severity", "pods", "namespace", "cluster"].map(value);
    const active = words.length > 0 || [verdict, severity, pods, namespace, cluster].some(Boolean);
    let nChecks = 0, nWorkloads = 0;

    for (const k of checks) {
      const head = text(k.head);
      let some = k.findings.length === 0 && !namespace && has(text(k.element));
      for (const f of k.findings) {
        const show = (!namespace || f.dataset.ns === namespace) && has(head, text(f));
        f.hidden = !show;
        some ||= show;
      }
      const show = some && !pods && (!verdict || k.v === verdict) && (!severity || k.s === severity) && (!cluster || k.c === cluster);
      k.element.hidden = !show;
      if (show) nChecks++;
    }
    for (const s of spaces) {
      const here = (!cluster || s.c === cluster) && (!namespace || s.ns === namespace) && !verdict && !severity;
      let some = here && !pods && has(s.name);
      for (const row of s.rows) {
        const show = here && (!pods || row.dataset.v === pods) && has(s.name, text(row));
        row.hidden = !show;
        some ||= show;
        if (show) nWorkloads++;
      }
      s.element.hidden = !some;
    }
    // What is found must not hide in a fold, and a fold with nothing below it is noise.
    for (const fold of all(".rest")) {
      const some = all(".check, .ns", fold).some((e) => !e.hidden);
      fold.hidden = !some;
      unfold(fold, active && some);
    }
    // Where much is found, unfolding all of it would help nobody.
    for (const k of checks) unfold(k.element, words.length > 0 && !k.element.hidden && nChecks <= 10);
    for (const s of spaces) unfold(s.element, (words.length > 0 || pods) && nWorkloads <= 50 && s.rows.some((r) => !r.hidden) && !s.element.hidden);
    for (const section of all(".cluster, .card")) section.hidden = Boolean(cluster) && section.dataset.c !== cluster;
    for (const hero of all(".hero, .cluster > .banner")) hero.hidden = active && !cluster;
    for (const h of all(".cluster > h3")) {
      let e = h.nextElementSibling, some = false;
      for (; e && e.tagName !== "H3"; e = e.nextElementSibling) {
        some ||= !e.hidden && (!e.matches(".spaces") || all(".ns", e).some((n) => !n.hidden));
      }
      h.hidden = !some;
    }
    id("nothing").hidden = !active || nChecks + nWorkloads > 0 || spaces.some((s) => !s.element.hidden);
    id("found").textContent = active
      ? `${nChecks} of ${checks.length} checks, ${nWorkloads} ${nWorkloads === 1 ? "workload" : "workloads"}` : "";
  };

  let waiting;
  id("q").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 60);
  });
  for (const select of all(".tools select")) select.addEventListener("change", filter);
  const form = document.querySelector(".tools");
  form.addEventListener("submit", (event) => event.preventDefault());
  id("reset").addEventListener("click", () => { form.reset(); filter(); id("q").focus(); });
  const fold = (open) => all(".check, .ns, .rest").forEach((e) => { if (!e.hidden) e.open = open; });
  id("open").addEventListener("click", () => fold(true));
  id("close").addEventListener("click", () => fold(false));

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      id("q").focus();
    } else if (event.key === "Escape" && event.target === id("q")) {
      id("q").value = "";
      filter();
    }
  });

  // Where a browser keeps nothing for files, the choice lasts as long as the page.
  const kept = {
    get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
    set: (theme) => { try { localStorage.setItem("theme", theme); } catch { /* it lasts as long as the page */ } },
  };
  const themes = ["auto", "light", "dark"];
  let theme = themes.includes(kept.get()) ? kept.get() : "auto";
  const paint = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    id("theme").textContent = `Theme: ${theme}`;
    id("theme").setAttribute("aria-label", `Theme: ${theme}. Change it`);
  };
  id("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    kept.set(theme);
    paint();
  });

  id("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([id("report").textContent], { type: "application/json" }));
    link.download = "falcon-verify.json";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  id("print").addEventListener("click", () => print());

  // Paper does not unfold.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const e of closed) e.open = true;
  });
  addEventListener("afterprint", () => { for (const e of closed) e.open = false; });

  const reveal = () => {
    let e = location.hash && id(decodeURIComponent(location.hash.slice(1)));
    if (!e) return;
    const target = e;
    if (e.closest("[hidden]")) {
      form.reset();
      filter();
    }
    for (; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);

  paint();
  for (const e of all("[data-script]")) e.hidden = false;
  reveal();
})();
