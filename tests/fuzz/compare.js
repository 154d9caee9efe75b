// compare - what the strict YAML reader accepted, held against two other parsers
//
// compare.js YAML JS-YAML < LINES: the directories of the two packages; LINES as `accepted` writes them. Both parsers
// leave scalars as text (the failsafe schema), as the strict reader does. A value that is not written is null there, and
// may be "" or null here.
'use strict';
const readline = require('readline');
const YAML = require(process.argv[2]);
const jsYaml = require(process.argv[3]);

const parsers = {
    yaml: text => {
        const documents = YAML.parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: true, maxAliasCount: 0 });
        if (documents.length !== 1 || documents[0].errors.length > 0)
            throw new Error(documents.length !== 1 ? `${documents.length} documents` : documents[0].errors[0].message);
        return documents[0].toJS({ mapAsMap: true });
    },
    'js-yaml': text => jsYaml.load(text, { schema: jsYaml.FAILSAFE_SCHEMA }),
};

// The strict reader's value is JSON; maps may come as Map or object.
function same(mine, theirs) {
    if (mine === null)
        return theirs === null || theirs === '' || theirs === undefined;
    if (typeof mine === 'string')
        return mine === theirs;
    if (Array.isArray(mine))
        return Array.isArray(theirs) && mine.length === theirs.length && mine.every((v, i) => same(v, theirs[i]));
    if (theirs === null || typeof theirs !== 'object' || Array.isArray(theirs))
        return false;
    const entries = theirs instanceof Map ? [...theirs.entries()] : Object.entries(theirs);
    const keys = Object.keys(mine);
    return keys.length === entries.length &&
        entries.every(([k, v]) => Object.prototype.hasOwnProperty.call(mine, String(k)) && same(mine[String(k)], v));
}

let n = 0, different = 0;
readline.createInterface({ input: process.stdin }).on('line', line => {
    const { text, value } = JSON.parse(line);
    n++;
    for (const [name, parse] of Object.entries(parsers)) {
        let theirs, problem = null;
        try {
            theirs = parse(text);
        } catch (error) {
            problem = String(error.message).split('\n')[0];
        }
        if (problem === null && same(value, theirs))
            continue;
        if (++different <= 20)
            console.log(`DIFFERENT (${name}): ${JSON.stringify(text).slice(0, 2000)}\n  strict: ${JSON.stringify(value).slice(0, 1000)}\n  ` +
                `${name}: ${problem || JSON.stringify(theirs instanceof Map ? Object.fromEntries(theirs) : theirs)}`);
    }
}).on('close', () => {
    console.log(`${n} accepted texts, ${different} differences`);
    process.exitCode = n === 0 || different > 0 ? 1 : 0;
});
