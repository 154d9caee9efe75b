// browser.js CHROMIUM DIRECTORY [AXE] - opens the pages of browser.test and says what is wrong with them
//
// Speaks the browser's own protocol over two pipes: nothing between us and it has to be installed.
"use strict";
const fs = require("fs"), path = require("path"), { spawn } = require("child_process");
const [chromium, directory, axe] = process.argv.slice(2);
let failed = 0;

function check(what, ok, detail) {
    if (!ok) {
        failed++;
        console.log("FAILED: " + what + (detail === undefined ? "" : ": " + JSON.stringify(detail).slice(0, 2000)));
    }
}

// ---------------------------------------------------------------------------------------------- the browser

class Browser {
    constructor() {
        this.process = spawn(chromium, ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--user-data-dir=" + path.join(directory, "profile"), "about:blank"],
            { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
        this.process.on("exit", (code) => this.end(new Error("the browser ended with " + code)));
        this.waiting = new Map();
        this.listeners = [];
        this.id = 0;
        let text = "";
        this.process.stdio[4].on("data", (data) => {
            const parts = (text + data).split("\0");
            text = parts.pop();
            parts.forEach((part) => this.take(JSON.parse(part)));
        });
    }
    take(message) {
        if (message.id) {
            const { resolve, reject } = this.waiting.get(message.id);
            this.waiting.delete(message.id);
            if (message.error) reject(new Error(message.error.message));
            else resolve(message.result);
        }
        this.listeners.slice().forEach((listener) => listener(message));
    }
    // Comes back when it has ended, so that nothing writes into its directory any more.
    close() {
        return new Promise((resolve) => {
            if (this.process.exitCode !== null || this.process.signalCode !== null) return resolve();
            this.process.once("exit", resolve);
            this.process.kill();
        });
    }
    end(error) {
        this.waiting.forEach(({ reject }) => reject(error));
        this.waiting.clear();
    }
    send(method, params, sessionId) {
        const id = ++this.id;
        return new Promise((resolve, reject) => {
            this.waiting.set(id, { resolve, reject });
            this.process.stdio[3].write(JSON.stringify({ id, method, params: params || {}, sessionId }) + "\0");
        });
    }
    event(method, sessionId) {
        return new Promise((resolve) => {
            const listener = (message) => {
                if (message.method !== method || message.sessionId !== sessionId) return;
                this.listeners.splice(this.listeners.indexOf(listener), 1);
                resolve(message.params);
            };
            this.listeners.push(listener);
        });
    }
}

class Page {
    // Complaints of the console and requests are kept from the first moment on.
    static async open(browser, file, options) {
        const page = new Page();
        const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
        const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
        page.browser = browser;
        page.session = sessionId;
        page.complaints = [];
        page.requests = [];
        browser.listeners.push((m) => {
            if (m.sessionId !== sessionId) return;
            if (m.method === "Runtime.exceptionThrown") page.complaints.push(m.params.exceptionDetails.text);
            if (m.method === "Runtime.consoleAPICalled") page.complaints.push(m.params.args);
            if (m.method === "Log.entryAdded") page.complaints.push(m.params.entry.text);
            if (m.method === "Network.requestWillBeSent") page.requests.push(m.params.request.url);
        });
        for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(domain + ".enable");
        if (options.noScripts) await page.send("Emulation.setScriptExecutionDisabled", { value: true });
        await page.send("Emulation.setDeviceMetricsOverride",
            { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
        await page.media(options);
        const loaded = browser.event("Page.loadEventFired", sessionId);
        page.begun = Date.now();
        await page.send("Page.navigate", { url: "file://" + path.join(directory, file) });
        await loaded;
        return page;
    }
    send(method, params) {
        return this.browser.send(method, params, this.session);
    }
    media(options) {
        return this.send("Emulation.setEmulatedMedia", { media: options.print ? "print" : "screen",
            features: [{ name: "prefers-color-scheme", value: options.dark ? "dark" : "light" }] });
    }
    async run(expression) {
        const { result, exceptionDetails } = await this.send("Runtime.evaluate",
            { expression, awaitPromise: true, returnByValue: true });
        if (exceptionDetails) throw new Error(expression + ": " + JSON.stringify(exceptionDetails));
        return result.value;
    }
    async picture(name) {
        const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true, format: "png" });
        fs.writeFileSync(path.join(directory, name), Buffer.from(data, "base64"));
    }
}

// ------------------------------------------------------------------------------------------------ what has to be

const visible = `[...document.querySelectorAll("#rows tbody tr")].filter((r) => r.getClientRects().length > 0)`;
const hostile = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

async function harmless(page, what) {
    check(what + ": nothing of a name ran", await page.run("window.pwned === undefined"));
    check(what + ": nothing of a name became an element",
        await page.run(`document.querySelectorAll("img,iframe,object,embed,link,b,svg svg,[onload],[onerror]").length`) === 0);
    check(what + ": one script, our own", await page.run("document.scripts.length") === 1);
    check(what + ": nothing turns the direction of text around",
        !hostile.test(await page.run("document.documentElement.outerHTML")));
    check(what + ": the console is empty", page.complaints.length === 0, page.complaints);
    check(what + ": nothing is loaded", page.requests.length === 1, page.requests);
}

async function searchable(page, what, role) {
    const all = await page.run(visible + ".length");
    const type = (text) => page.run(`(() => { const s = document.getElementById("search"); s.value = ${JSON.stringify(text)};
        s.dispatchEvent(new Event("input")); })()`);

    check(what + ": the search is there", await page.run(`!document.getElementById("controls").hidden`));
    await type("JANE " + role);
    const found = await page.run(visible + ".map((r) => r.textContent)");
    check(what + ": words find their rows", found.length > 0 && found.length < all &&
        found.every((text) => /jane/i.test(text) && text.includes(role)), found);
    check(what + ": how many are shown is said",
        (await page.run(`document.getElementById("count").textContent`)) === found.length + " of " + all + " rows");
    await type("nobody is called that");
    check(what + ": nothing found is nothing shown", await page.run(visible + ".length") === 0);
    await type("");
    check(what + ": all are back", await page.run(visible + ".length") === all);

    await page.run(`document.querySelector("#controls input[value=p-]").click()`);
    const marked = await page.run(visible + ".map((r) => r.textContent)");
    check(what + ": only privileged ones", marked.length > 0 && marked.length < all &&
        marked.every((text) => text.includes("privileged")), marked);
    await page.run(`document.querySelector("#controls input[value=p-]").click()`);
}

async function sortable(page, what, column) {
    const cells = () => page.run(visible + `.map((r) => r.cells[${column}].textContent)`);
    const click = () => page.run(`document.querySelectorAll("#rows thead button")[${column}].click()`);
    const state = () => page.run(`document.querySelectorAll("#rows thead th")[${column}].getAttribute("aria-sort")`);
    const before = (await cells()).slice().sort();

    await click();
    const up = await cells();
    check(what + ": sorting says so", await state() === "ascending");
    await click();
    const down = await cells();
    check(what + ": and the other way round", await state() === "descending");
    const collator = new Intl.Collator(undefined, { numeric: true });
    check(what + ": ascending", up.every((text, i) => i === 0 || collator.compare(up[i - 1], text) <= 0), up);
    check(what + ": descending", down.every((text, i) => i === 0 || collator.compare(down[i - 1], text) >= 0), down);
    check(what + ": nothing is lost", JSON.stringify(before) === JSON.stringify(up.slice().sort()));
}

async function accessible(page, what) {
    if (!axe) return;
    await page.run(fs.readFileSync(axe, "utf8") + "; true");
    const violations = await page.run(`axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes.map((n) =>
        [n.html.slice(0, 200), n.failureSummary])]))`);
    check(what + ": accessible", violations.length === 0, violations);
}

async function printable(page, what) {
    await page.media({ print: true });
    check(what + ": paper has no search",
        await page.run(`getComputedStyle(document.getElementById("controls")).display`) === "none");
    check(what + ": paper is white", await page.run("getComputedStyle(document.body).backgroundColor") === "rgb(255, 255, 255)");
    await page.media({});
    const { data } = await page.send("Page.printToPDF", { printBackground: false });
    const pdf = Buffer.from(data, "base64");
    check(what + ": a PDF", pdf.length > 5000 && pdf.subarray(0, 5).toString() === "%PDF-", pdf.length);
    fs.writeFileSync(path.join(directory, what + ".pdf"), pdf);
}

async function withoutScripts(browser, file) {
    const page = await Page.open(browser, file, { noScripts: true });
    check(file + " without scripts: every row is there",
        await page.run(visible + `.length === document.querySelectorAll("#rows tbody tr").length`));
    check(file + " without scripts: nothing is offered that would not work",
        await page.run(`document.getElementById("controls").hidden && document.querySelectorAll("button").length === 0`));
}

async function look(browser, file) {
    const page = await Page.open(browser, file, {});

    await harmless(page, file);
    await searchable(page, file, "Agent");
    await sortable(page, file, 2);
    await accessible(page, file);
    await page.picture(file + ".light.png");
    await printable(page, file);
    const dark = await Page.open(browser, file, { dark: true });
    check(file + ": dark", await dark.run("getComputedStyle(document.body).backgroundColor") !== "rgb(255, 255, 255)");
    await accessible(dark, file + " (dark)");
    await dark.picture(file + ".dark.png");
    await withoutScripts(browser, file);
}

async function many(browser) {
    const page = await Page.open(browser, "many.html", {});

    check("many rows: all are shown", await page.run(visible + ".length") === 10000);
    console.log("10,000 rows: usable after " + (Date.now() - page.begun) + " ms");
    const begun = Date.now();
    await page.run(`(() => { const s = document.getElementById("search"); s.value = "u3@partner49.example";
        s.dispatchEvent(new Event("input")); })()`);
    check("many rows: one is found", await page.run(visible + ".length") === 1);
    console.log("10,000 rows: one found after " + (Date.now() - begun) + " ms");
    await harmless(page, "many rows");
}

async function main() {
    const browser = new Browser();

    try {
        await look(browser, "access.html");
        await look(browser, "plan.html");
        const page = await Page.open(browser, "access.html", {});
        check("the picture has an edge for each partner", await page.run(`document.querySelectorAll("svg line").length`) === 3);
        check("the undeclared one is marked", await page.run(`document.querySelectorAll("svg line.eu.ep").length`) === 1);
        await many(browser);
    } finally {
        await browser.close();
    }
}

main().catch((error) => check("the test itself", false, String(error.stack))).then(() => process.exit(failed > 0 ? 1 : 0));
