// suites - the documents of the YAML and JSON test suites as files, and what was made of them judged
//
// suites.mjs write YAML JSON DIRECTORY     DIRECTORY/yaml/ID-N.valid|invalid, DIRECTORY/json/NAME
// suites.mjs judge YAML JSON ACCEPTED SAID    ACCEPTED: the lines of `accepted` for all yaml files; SAID: of the json files
import fs from 'node:fs';

const [what, yamlPath, jsonPath, first, second] = process.argv.slice(2);
const yamlSuite = (await import(`${yamlPath}/index.js`)).default;
const jsonSuite = await import(`${jsonPath}/index.js`);
const cases = yamlSuite.flatMap(file => file.cases.map((c, i) => ({ ...c, id: `${file.id}-${i}` })));
// Valid, and refused on purpose: duplicate keys.
const refused = ['y_object_duplicated_key.json', 'y_object_duplicated_key_and_value.json'];
// Invalid, and mended on purpose: a control character inside of a string.
const mended = ['n_string_unescaped_ctrl_char.json', 'n_string_unescaped_newline.json', 'n_string_unescaped_tab.json'];
// Where the package lost bytes that are no UTF-8, it has replacement characters.
const whole = jsonSuite.parsing.filter(c => !c.input.includes('\ufffd'));

function unescape(text) {
    const named = { n: '\n', t: '\t', r: '\r', b: '\b', '\\': '\\' };
    return text.replace(/\\(.)/g, (all, c) => named[c] ?? all);
}

// The value of an event tree; all scalars are text. Anchors, tags and aliases are not among what is accepted.
function valueOf(tree) {
    const stack = [[]];
    for (const line of tree.split('\n').map(l => l.replace(/^ +/, ''))) {
        const top = stack[stack.length - 1];
        if (/^\+(MAP|SEQ)/.test(line)) {
            stack.push([]);
        } else if (line.startsWith('-SEQ')) {
            stack.pop();
            stack[stack.length - 1].push(top);
        } else if (line.startsWith('-MAP')) {
            const map = {};
            for (let i = 0; i < top.length; i += 2)
                Object.defineProperty(map, top[i], { value: top[i + 1], enumerable: true });
            stack.pop();
            stack[stack.length - 1].push(map);
        } else if (line.startsWith('=VAL ')) {
            top.push(unescape(line.slice(6)));
        }
    }
    return stack[0][0];
}

// Without order, and "" for what is not written.
function canonical(v) {
    if (v === null)
        return '';
    if (Array.isArray(v))
        return v.map(canonical);
    if (typeof v === 'object')
        return Object.keys(v).sort().map(k => [k, canonical(v[k])]);
    return v;
}

function write(directory) {
    fs.mkdirSync(`${directory}/yaml`);
    fs.mkdirSync(`${directory}/json`);
    for (const c of cases)
        fs.writeFileSync(`${directory}/yaml/${c.id}.${c.fail ? 'invalid' : 'valid'}`, c.yaml);
    for (const c of whole)
        fs.writeFileSync(`${directory}/json/${c.name}`, c.input);
}

function judge(acceptedFile, saidFile) {
    const lines = fs.readFileSync(acceptedFile, 'utf8').split('\n').filter(Boolean).map(l => JSON.parse(l));
    const byText = new Map(lines.map(l => [l.text, l.value]));
    let wrong = 0, accepted = 0;
    const say = text => { wrong++; console.log(text); };
    for (const c of cases.filter(k => byText.has(k.yaml))) {
        accepted++;
        if (c.fail)
            say(`YAML ${c.id} is invalid and accepted: ${JSON.stringify(c.yaml)}`);
        else if (JSON.stringify(canonical(valueOf(c.tree))) !== JSON.stringify(canonical(byText.get(c.yaml))))
            say(`YAML ${c.id} means something else: ${JSON.stringify(byText.get(c.yaml))}, not ${JSON.stringify(valueOf(c.tree))}`);
    }
    const said = fs.readFileSync(saidFile, 'utf8').split('\n').filter(Boolean).map(l => l.split(' '));
    for (const [word, path] of said.map(([w, p]) => [w, p.slice(p.lastIndexOf('/') + 1)]))
        if ((path.startsWith('n_') && (word === 'accepted') !== mended.includes(path)) || (path.startsWith('y_') && (word === 'refused') !== refused.includes(path)))
            say(`JSON ${path} is ${word}`);
    console.log(`YAML: ${cases.length} documents, ${cases.filter(c => c.fail).length} of them invalid, ${accepted} accepted; ` +
        `JSON: ${said.length} documents; ${wrong} wrong`);
    process.exitCode = wrong > 0 || accepted < 20 || said.length < 250 ? 1 : 0;
}

if (what === 'write')
    write(first);
else
    judge(first, second);
