// Everything here has a plain link or form behind it: the pages also work without this script.
"use strict";

document.documentElement.classList.add("with-script");

/** The elements in an answer of this server, which has escaped all values. */
function parsed(html) {
    return new DOMParser().parseFromString(html, "text/html");
}

async function load(address) {
    const response = await fetch(address, { credentials: "same-origin" });
    const page = parsed(await response.text());
    if (!response.ok) {
        throw new Error(page.querySelector(".problem")?.textContent ?? response.statusText);
    }
    return page;
}

// keys: ← and → step, / goes to the search
document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) {
        return;
    }
    if (event.target.closest("input, select, textarea, summary")) {
        if (event.key === "Escape") {
            event.target.blur();
        }
        return;
    }
    if (event.key === "/") {
        const search = document.querySelector("[data-search]");
        if (search) {
            event.preventDefault();
            search.focus();
            search.select();
        }
        return;
    }
    document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`)?.click();
});

// older events are loaded when the end of the list comes into view
const events = document.getElementById("events");

function watchOlder() {
    const link = document.querySelector("[data-older]");
    if (!link || !events) {
        return;
    }
    const observer = new IntersectionObserver(async ([entry]) => {
        if (!entry.isIntersecting) {
            return;
        }
        observer.disconnect();
        try {
            const page = await load(link.href);
            events.append(...(page.getElementById("events")?.children ?? []));
            const next = page.querySelector(".older");
            const old = link.closest(".older");
            if (next) {
                old.replaceWith(next);
                watchOlder();
            } else {
                old.remove();
            }
        } catch (error) {
            link.textContent = `older events (${error.message})`;
        }
    }, { rootMargin: "400px" });
    observer.observe(link);
}
watchOlder();

// new events arrive at the top of the list
const MOST = 2000;
if (events?.dataset.live) {
    const source = new EventSource(events.dataset.live);
    const state = document.querySelector(".live");
    source.addEventListener("open", () => { state.textContent = "live"; });
    source.addEventListener("error", () => { state.textContent = "connecting…"; });
    source.addEventListener("message", (message) => {
        const row = parsed(message.data).querySelector("li");
        row.classList.add("new");
        events.prepend(row);
        while (events.children.length > MOST) {
            events.lastElementChild.remove();
        }
    });
    source.addEventListener("position", (message) => {
        const count = document.querySelector("[data-count]");
        if (count) {
            count.textContent = message.data;
        }
    });
    source.addEventListener("end", (message) => {
        source.close();
        state.textContent = `ended: ${message.data}`;
    });
}

// a slider shows where it stands while it moves, and goes there when it is let go
for (const slider of document.querySelectorAll("input[type=range]")) {
    const output = document.querySelector(`output[for="${slider.id}"]`);
    const text = () => slider.dataset.unit === "ms"
        ? new Date(Number(slider.value)).toISOString().replace("T", " ").replace("Z", "")
        : `event ${slider.value}`;
    slider.addEventListener("input", () => { output.textContent = text(); });
    slider.addEventListener("change", () => { slider.form.requestSubmit(); });
}

// parts of the tree open in place
document.addEventListener("click", async (event) => {
    const link = event.target.closest("a.expand");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) {
        return;
    }
    event.preventDefault();
    const item = link.closest("li");
    const open = item.querySelector(":scope > ul");
    if (open) {
        open.hidden = !open.hidden;
        link.setAttribute("aria-expanded", String(!open.hidden));
        return;
    }
    try {
        const page = await load(link.href);
        const list = document.createElement("ul");
        list.append(...(page.getElementById("entries")?.children ?? []));
        item.append(list);
        link.setAttribute("aria-expanded", "true");
    } catch (error) {
        const message = document.createElement("span");
        message.className = "problem";
        message.textContent = ` ${error.message}`;
        link.after(message);
    }
});
