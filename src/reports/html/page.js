// The report's own script: tables that sort, filter, search and page; theme, printing, copying.
// It reads the inert JSON beside each table, writes only text nodes, and calls nothing outside the page.
"use strict";
(() => {
  const PAGE = 50;
  // Larger tables are read when they come into view.
  const SMALL = 2000;
  const CLIPPED = 200;

  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /** An element with properties, attributes (names with a hyphen, and `scope` or `role`) and children. */
  const make = (name, properties = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element && !key.includes("-")) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  };

  const draw = (name, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  const say = (text) => {
    find("#said").textContent = text;
  };

  const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

  /** A column of the data: what it shows, what it sorts by, and what a search looks at. */
  const column = (raw, n, names) => {
    const { k: kind, d: words, f: digits, l: labels } = raw;
    // A value that all rows share is there once; an id that ends in the name beside it has 0 for its end.
    const values = "u" in raw ? Array(n).fill(raw.u) : raw.v;
    const tail = (i) => (raw.s[i] === 0 ? names(raw.r)(i) : raw.s[i]);
    const flags = { title: raw.t, choice: raw.o.includes("q"), detail: raw.o.includes("h"), minor: raw.o.includes("m"), wide: raw.o.includes("w"), short: raw.o.includes("s") };
    const text = {
      t: (i) => words[values[i]],
      b: (i) => words[values[i]],
      i: (i) => words[values[i]] + tail(i),
      n: (i) => (values[i] === null ? "\u2013" : digits < 0 ? String(values[i]) : values[i].toFixed(digits)),
      s: (i) => said(values[i], labels),
      l: (i) => values[i].map((at) => words[at]).join("; "),
      a: () => "",
    }[kind];
    return { ...flags, kind, text, values, words, labels, searched: "tbil".includes(kind), order: order(kind, values, words, text) };
  };

  /** A function that makes keys to sort by, once; a missing value has the key null. */
  const order = (kind, values, words, text) => {
    let ranks;
    return (i) => {
      if (kind === "n") return values[i];
      if (kind === "s") return values[i].reduce((sum, part) => sum + part, 0);
      if (kind === "i") return text(i);
      if (kind === "t") {
        if (!ranks) {
          const sorted = [...words.keys()].sort((a, b) => compare(words[a].toLowerCase(), words[b].toLowerCase()));
          ranks = new Map(sorted.map((word, rank) => [word, rank]));
        }
        return words[values[i]] === "" ? null : ranks.get(values[i]);
      }
      if (kind === "b") return ["critical", "high", "medium", "low"].indexOf(words[values[i]]);
      return values[i].length ? values[i].length : null;
    };
  };

  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  const said = (row, labels) => {
    const total = row.reduce((sum, part) => sum + part, 0);
    if (!(total > 0)) return "\u2013";
    const parts = row.map((part, at) => [labels[at], (100 * part) / total]).filter(([, share]) => share > 0);
    return parts.map(([label, share]) => `${label} ${share.toFixed(0)} %`).join(", ");
  };

  const bars = (row, labels) => {
    const total = row.reduce((sum, part) => sum + part, 0);
    if (!(total > 0)) return "\u2013";
    const name = said(row, labels);
    const svg = draw("svg", { class: "parts", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": name });
    const title = draw("title", {});
    title.textContent = name;
    svg.append(title);
    let x = 0;
    row.forEach((part, at) => {
      const width = (100 * part) / total;
      if (width > 0) svg.append(draw("rect", { class: `part${at}`, x: x.toFixed(1), width: width.toFixed(1), height: 10 }));
      x += width;
    });
    return svg;
  };

  const link = (target, label) => (target ? make("a", { href: `#${target}` }, label) : "");

  /** A text; none is a dash, and one that would fill the screen shows its first lines until its row is opened. */
  const clipped = (text) => (text === "" ? "\u2013" : text.length > CLIPPED ? make("span", { className: "clip" }, text) : text);

  const content = (one, i) => {
    if (one.kind === "s") return bars(one.values[i], one.labels);
    if (one.kind === "b") return make("span", { className: `badge ${one.text(i)}` }, one.text(i));
    if (one.kind === "a") return link(one.values[i], one.labels);
    return clipped(one.text(i));
  };

  /** A spreadsheet takes a cell that begins like this for a formula. */
  const harmless = (text) => (/^[=+\-@]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text);

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = make("textarea", { value: text, className: "hidden", "aria-label": "Copied text" });
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  class Grid {
    constructor(box) {
      this.box = box;
      this.body = find("tbody", box);
      this.caption = find("caption", box).textContent;
      const data = JSON.parse(find("script", box).textContent);
      this.rows = data.n;
      const names = (at) => this.columns[at].text;
      this.columns = data.c.map((raw) => column(raw, data.n, names));
      this.shown = this.columns.filter((one) => !one.detail);
      this.details = this.columns.filter((one) => one.detail || one.minor);
      this.index = Uint32Array.from({ length: this.rows }, (_, i) => i);
      this.page = 0;
      this.words = "";
      this.choices = new Map();
      this.sorted = null;
      this.tools();
      this.headers();
      this.update();
    }

    tools() {
      const tools = find(".tools", this.box);
      const id = this.box.dataset.table;
      this.search = make("input", { type: "search", id: `${id}-search`, autocomplete: "off", spellcheck: false });
      let waiting;
      this.search.addEventListener("input", () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => this.filter(), 120);
      });
      tools.append(make("span", { className: "field" }, make("label", { htmlFor: this.search.id }, "Search"), this.search));
      for (const one of this.columns.filter((each) => each.choice)) {
        const values = [...new Set(one.values)].map((at) => one.words[at]).filter((word) => word !== "");
        if (values.length < 2) continue;
        const select = make("select", { id: `${id}-${this.columns.indexOf(one)}` });
        if (one.kind === "t") values.sort(compare);
        select.append(make("option", { value: "" }, "all"), ...values.map((word) => make("option", { value: word }, word)));
        select.addEventListener("change", () => this.filter());
        this.choices.set(one, select);
        tools.append(make("span", { className: "field" }, make("label", { htmlFor: select.id }, one.title), select));
      }
      const button = make("button", { type: "button", className: "copy" }, "Copy rows");
      button.addEventListener("click", () => this.copy());
      this.count = make("span", { className: "count", role: "status" });
      tools.append(button, this.count);
      tools.hidden = false;
      const old = this.box.querySelector("p.count");
      if (old) old.remove();
      this.pager = make("div", { className: "pager", role: "group", "aria-label": `Pages of ${this.caption}` });
      this.back = make("button", { type: "button" }, "Previous");
      this.next = make("button", { type: "button" }, "Next");
      this.where = make("span");
      this.back.addEventListener("click", () => this.turn(-1));
      this.next.addEventListener("click", () => this.turn(1));
      this.pager.append(this.back, this.where, this.next);
      find(".scroll", this.box).after(this.pager);
    }

    headers() {
      const row = find("thead tr", this.box);
      if (this.details.length) row.prepend(make("td", { className: "more" }));
      all("th", row).forEach((head, at) => {
        const one = this.shown[at];
        const button = make("button", { type: "button", className: "sort" }, head.textContent);
        head.replaceChildren(button);
        head.setAttribute("aria-sort", "none");
        button.addEventListener("click", () => this.sort(one, head));
      });
    }

    sort(one, head) {
      // Numbers and urgency are first asked for from the top, words from the beginning.
      const first = one.kind === "n" || one.kind === "s" ? -1 : 1;
      const way = this.sorted && this.sorted.one === one ? -this.sorted.way : first;
      this.sorted = { one, way };
      all("thead th", this.box).forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
      this.arrange();
      this.page = 0;
      this.update();
    }

    arrange() {
      if (!this.sorted) return;
      const { one, way } = this.sorted;
      const keys = new Map();
      for (const i of this.index) keys.set(i, one.order(i));
      this.index.sort((a, b) => {
        const [left, right] = [keys.get(a), keys.get(b)];
        // What is not known comes last either way.
        if (left === null || right === null) return left === right ? a - b : left === null ? 1 : -1;
        return way * compare(left, right) || a - b;
      });
    }

    haystack(i) {
      this.texts ??= [];
      this.texts[i] ??= this.columns.filter((one) => one.searched).map((one) => one.text(i)).join("\n").toLowerCase();
      return this.texts[i];
    }

    filter() {
      const words = this.search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const chosen = [...this.choices].filter(([, select]) => select.value !== "");
      const kept = [];
      for (let i = 0; i < this.rows; i += 1) {
        const fits = chosen.every(([one, select]) => one.text(i) === select.value);
        if (fits && (words.length === 0 || words.every((word) => this.haystack(i).includes(word)))) kept.push(i);
      }
      this.index = Uint32Array.from(kept);
      this.arrange();
      this.page = 0;
      this.update();
    }

    turn(by) {
      this.page += by;
      this.update();
      find(".scroll", this.box).scrollTop = 0;
    }

    update() {
      const n = this.index.length;
      const pages = Math.max(1, Math.ceil(n / PAGE));
      this.page = Math.min(this.page, pages - 1);
      const from = this.page * PAGE;
      const rows = this.index.subarray(from, from + PAGE);
      this.body.replaceChildren(...[...rows].map((i) => this.row(i)));
      if (n === 0) {
        const span = this.shown.length + (this.details.length ? 1 : 0);
        this.body.append(make("tr", {}, make("td", { colSpan: span }, "Nothing fits.")));
      }
      const rest = this.rows === 1 ? "row" : "rows";
      this.count.textContent = `${n === this.rows ? "" : `${grouped(n)} of `}${grouped(this.rows)} ${rest}`;
      this.where.textContent = `Page ${grouped(this.page + 1)} of ${grouped(pages)}`;
      this.pager.hidden = pages === 1;
      this.back.disabled = this.page === 0;
      this.next.disabled = this.page === pages - 1;
    }

    row(i) {
      const row = make("tr");
      if (this.details.length) {
        const name = this.shown[0].text(i);
        const button = make("button", { type: "button", className: "open", "aria-expanded": "false", "aria-label": `Details of ${name}` }, "+");
        button.addEventListener("click", () => this.open(button, row, i));
        row.append(make("td", { className: "more" }, button));
      }
      this.shown.forEach((one, at) => {
        const classes = [one.kind === "n" && "num", one.minor && "minor", one.wide && "wide", one.short && "short", one.kind === "i" && "id"].filter(Boolean).join(" ");
        const cell = at === 0 ? make("th", { scope: "row" }) : make("td");
        if (classes) cell.className = classes;
        cell.append(content(one, i));
        row.append(cell);
      });
      return row;
    }

    open(button, row, i) {
      const opened = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!opened));
      button.textContent = opened ? "+" : "\u2212";
      if (opened) {
        row.nextElementSibling.remove();
        return;
      }
      const list = make("dl");
      for (const one of this.details) {
        const empty = one.kind === "a" ? !one.values[i] : ["", "\u2013"].includes(one.text(i));
        if (empty) continue;
        const items = one.kind === "l" ? one.values[i].map((at) => make("div", {}, one.words[at])) : [content(one, i)];
        list.append(make("div", { className: one.detail ? "" : "narrow" }, make("dt", {}, one.title), make("dd", {}, ...items)));
      }
      row.after(make("tr", { className: "detail" }, make("td", { colSpan: this.shown.length + 1 }, list)));
    }

    async copy() {
      const columns = this.columns.filter((one) => one.kind !== "a");
      const clean = (text) => harmless(text.replaceAll("\t", " "));
      const lines = [columns.map((one) => one.title).join("\t")];
      for (const i of this.index) lines.push(columns.map((one) => clean(one.text(i))).join("\t"));
      const done = await copy(lines.join("\n"));
      say(done ? `${grouped(this.index.length)} rows copied` : "The browser did not allow copying");
    }
  }

  const grids = new Map();
  const read = (box) => {
    if (!grids.has(box)) grids.set(box, new Grid(box));
  };

  const tables = () => {
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((each) => each.isIntersecting)) {
        watcher.unobserve(entry.target);
        read(entry.target);
      }
    }, { rootMargin: "400px" });
    for (const box of all("[data-table]")) {
      const size = find("script", box).textContent.length;
      if (size < SMALL * 100) read(box);
      else watcher.observe(box);
    }
  };

  /** A change of the plan is to be pasted somewhere. */
  const changes = () => {
    for (const code of all(".plan pre")) {
      const button = make("button", { type: "button" }, "Copy");
      button.addEventListener("click", async () => say((await copy(code.textContent)) ? "Change copied" : "The browser did not allow copying"));
      code.before(button);
    }
  };

  const theme = () => {
    const names = ["automatic", "light", "dark"];
    let at = 0;
    const button = find("#theme");
    button.addEventListener("click", () => {
      at = (at + 1) % names.length;
      if (at === 0) delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = names[at];
      button.textContent = `Theme: ${names[at]}`;
    });
  };

  const printing = () => {
    let opened = [];
    find("#print").addEventListener("click", () => window.print());
    // On paper nothing can be opened: paths and causes are, the numbers of charts are not.
    window.addEventListener("beforeprint", () => {
      opened = all("details.rule:not([open]), details.witness:not([open])");
      opened.forEach((details) => { details.open = true; });
    });
    window.addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
  };

  /** A link to something that is closed opens it. */
  const follow = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView();
      find("summary", target).focus({ preventScroll: true });
    }
  };

  const keys = () => {
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches("input, select, textarea");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        const inputs = all(".tools input");
        const next = inputs.find((input) => input.getBoundingClientRect().bottom > 0) || inputs[0];
        if (next) {
          event.preventDefault();
          next.focus();
        }
      }
      if (event.key === "Escape" && event.target.matches(".tools input") && event.target.value !== "") {
        event.target.value = "";
        event.target.dispatchEvent(new Event("input"));
      }
    });
  };

  /** The navigation says which section is on the screen. */
  const position = () => {
    const links = new Map(all("nav a").map((each) => [each.hash.slice(1), each]));
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((each) => each.isIntersecting)) {
        links.forEach((each) => each.removeAttribute("aria-current"));
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "-20% 0px -70% 0px" });
    all("main > section").forEach((section) => watcher.observe(section));
  };

  find(".actions").hidden = false;
  theme();
  printing();
  keys();
  tables();
  changes();
  position();
  window.addEventListener("hashchange", follow);
  follow();
})();
