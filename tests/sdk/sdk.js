/*
 * sdk.js - the platform's official client calls each method of its OrganizationAuthorizationApi
 *
 * usage: node sdk.js <the client's folder> <address of genesys-sim>
 *
 * A step is one call and what it has to find; steps build on each other. In the end every method that the
 * client has was called, and the simulator saw nothing that the specification does not have.
 */
'use strict';

const assert = require('assert');
const sdk = require(process.argv[2]);
const address = new URL(process.argv[3]);

const CONTOSO = '20000000-0000-4000-8000-000000000002';
const FABRIKAM = '20000000-0000-4000-8000-000000000003';
const CARE = '20000000-0000-4000-8000-000000000004';
const ACME = '10000000-0000-4000-8000-000000000001';
const JANE = 'a0000000-0000-4000-8000-000000000001';
const KIM = 'a0000000-0000-4000-8000-000000000003';
const FAY = 'a0000000-0000-4000-8000-000000000005';
const TIER2 = 'b0000000-0000-4000-8000-000000000001';
const NIGHT = 'b0000000-0000-4000-8000-000000000002';
const ADMIN = 'd0000000-0000-4000-8000-000000000001';
const AGENT = 'd0000000-0000-4000-8000-000000000002';
const HOME = 'e0000000-0000-4000-8000-000000000001';

const client = sdk.ApiClient.instance;
const api = new sdk.OrganizationAuthorizationApi();
const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(api)).filter((n) => n !== 'constructor');
const called = new Set();

/* What is found in an answer. */
const ids = (answer) => answer.entities.map((e) => e.id);
const roles = (answer) => answer.roles.map((r) => r.name);
const grants = (...pairs) => ({ grants: pairs.map(([roleId, divisionId]) => ({ roleId, divisionId })) });
const nothing = (answer) => answer;

/*
 * [organization, method (without "Orgauthorization"), arguments, what is looked at, what it has to be]; a
 * number instead of the last two is the status of a refusal.
 */
let pairing;
const steps = [
    ['acme', 'get Trustees', [{ pageSize: 100, pageNumber: 1 }], ids, [CONTOSO]],
    ['acme', 'get Trustee', [CONTOSO], (t) => [t.enabled, t.organization.name], [true, 'contoso']],
    ['acme', 'put Trustee', [CONTOSO, { enabled: false, dateExpired: '2040-01-01T00:00:00.000Z' }],
        (t) => [t.enabled, t.dateExpired], [false, '2040-01-01T00:00:00.000Z']],

    ['acme', 'get TrusteesCare', [], ids, [CARE]],
    ['acme', 'get TrusteesDefault', [], 404],
    ['acme', 'post TrusteesDefault', [{ assignDefaultRole: true, autoExpire: true }],
        (t) => [t.id, t.usesDefaultRole, 'dateExpired' in t], [CARE, true, true]],
    ['acme', 'get TrusteesDefault', [], (t) => t.id, CARE],
    ['acme', 'post TrusteesDefault', [{}], 409],
    ['acme', 'delete Trustee', [CARE], nothing, ''],
    ['acme', 'post TrusteesCare', [{ assignFullAccess: true, allowTrustedUserAccess: true }],
        (l) => l.entities.map((t) => [t.id, t.hasFullAccess, t.isTrustedUser]), [[CARE, true, true]]],

    ['acme', 'get TrusteeUsers', [CONTOSO, { pageSize: 25 }], ids, [JANE]],
    ['acme', 'post TrusteeUsers', [CONTOSO, { id: KIM, roleDivisions: grants([ADMIN, HOME]) }],
        (u) => [u.id, u.email, 'dateCreated' in u.trustUserDetails], [KIM, 'kim@contoso.example', true]],
    ['acme', 'get TrusteeUser', [CONTOSO, KIM], (u) => [u.name, u.state], ['Kim', 'active']],
    ['acme', 'get TrusteeUserRoles', [CONTOSO, KIM], roles, ['Admin']],
    ['acme', 'put TrusteeUserRoledivisions',
        [CONTOSO, KIM, grants([AGENT, '*'], [ADMIN, HOME])], roles, ['Admin', 'Agent']],
    ['acme', 'put TrusteeUserRoles', [CONTOSO, KIM, [AGENT]], roles, ['Agent']],
    ['acme', 'delete TrusteeUserRoles', [CONTOSO, KIM], nothing, ''],
    ['acme', 'get TrusteeUserRoles', [CONTOSO, KIM], roles, []],
    ['acme', 'delete TrusteeUser', [CONTOSO, KIM], nothing, ''],
    ['acme', 'get TrusteeUser', [CONTOSO, KIM], 404],

    ['acme', 'get TrusteeGroups', [CONTOSO, { pageSize: 25 }], ids, [TIER2]],
    ['acme', 'post TrusteeGroups', [CONTOSO, { id: NIGHT, roleIds: [ADMIN] }],
        (g) => [g.id, g.name, 'dateCreated' in g], [NIGHT, 'Night', true]],
    ['acme', 'get TrusteeGroup', [CONTOSO, NIGHT], (g) => [g.type, g.memberCount], ['official', 1]],
    ['acme', 'get TrusteeGroupRoles', [CONTOSO, NIGHT], roles, ['Admin']],
    ['acme', 'put TrusteeGroupRoledivisions', [CONTOSO, NIGHT, grants([AGENT, HOME])], roles,
        ['Agent']],
    ['acme', 'put TrusteeGroupRoles', [CONTOSO, NIGHT, [ADMIN, AGENT]], roles, ['Admin', 'Agent']],
    ['acme', 'delete TrusteeGroupRoles', [CONTOSO, NIGHT], nothing, ''],
    ['acme', 'delete TrusteeGroup', [CONTOSO, NIGHT], nothing, ''],

    ['acme', 'get TrusteeClonedusers', [CONTOSO],
        (l) => l.entities.map((c) => [c.id, c.trustor.name]), [[JANE, 'acme']]],
    ['acme', 'delete TrusteeCloneduser', [CONTOSO, JANE], nothing, ''],
    ['acme', 'post TrusteesAudits', [{ trusteeOrganizationIds: [CONTOSO], trusteeUserIds: [JANE] },
        { pageSize: 10, sortOrder: 'descending' }], (l) => l.total, 1],

    ['contoso', 'get Trustors', [{ pageSize: 100 }], ids, [ACME]],
    ['contoso', 'get Trustor', [ACME], (t) => [t.enabled, t.organization.name], [false, 'acme']],
    ['contoso', 'put TrustorUser', [ACME, KIM], (u) => u.id, KIM],
    ['contoso', 'get TrustorUsers', [ACME, {}], ids, [JANE, KIM]],
    ['contoso', 'put TrustorGroup', [ACME, NIGHT], (g) => g.name, 'Night'],
    ['contoso', 'get TrustorGroups', [ACME, {}], ids, [TIER2, NIGHT]],
    ['contoso', 'get TrustorGroup', [ACME, NIGHT], (g) => g.id, NIGHT],
    ['contoso', 'put TrustorCloneduser', [ACME, KIM], (c) => [c.id, c.trustor.id], [KIM, ACME]],
    ['contoso', 'get TrustorClonedusers', [ACME], ids, [KIM]],
    ['contoso', 'get TrustorCloneduser', [ACME, KIM], (c) => c.name, 'Kim'],
    ['contoso', 'delete TrustorCloneduser', [ACME, KIM], nothing, ''],
    ['contoso', 'get TrustorUser', [ACME, KIM], (u) => u.name, 'Kim'],
    ['contoso', 'delete TrustorUser', [ACME, KIM], nothing, ''],
    ['contoso', 'delete TrustorGroup', [ACME, NIGHT], nothing, ''],
    ['contoso', 'post TrustorAudits', [{ trustorOrganizationId: ACME, trusteeUserIds: [] }, {}],
        (l) => l.entities.map((e) => e.user.id), [JANE]],

    ['fabrikam', 'post Pairings', [{ userIds: [FAY] }],
        (p) => { pairing = p.id; return [p.trustee.id, p.users[0].name]; }, [FABRIKAM, 'Fay']],
    ['acme', 'get Pairing', () => [pairing], (p) => p.trustee.name, 'fabrikam'],
    ['acme', 'post Trustees', () => [{ pairingId: pairing, enabled: true,
        users: [{ id: FAY, roleDivisions: grants([AGENT, HOME]) }] }],
        (t) => [t.id, t.enabled, t.usesDefaultRole, t.hasFullAccess], [FABRIKAM, true, false, false]],
    ['acme', 'get Pairing', () => [pairing], 404],
    ['fabrikam', 'get TrustorUsers', [ACME, {}], 403],
    ['fabrikam', 'get TrustorUser', [ACME, FAY], (u) => u.id, FAY],
    ['fabrikam', 'delete Trustor', [ACME], nothing, ''],
    ['fabrikam', 'get Trustor', [ACME], 404],

    /* What no client of ours may ever call; the simulator says so, too. */
    ['acme', 'delete Trustees', [[CARE]], nothing, ''],
    ['contoso', 'delete Trustors', [[ACME]], nothing, ''],
    ['acme', 'get Trustees', [{}], ids, []],
];

const tokens = {};

async function logInAs(organization) {
    if (!tokens[organization])
        tokens[organization] = (await client.loginClientCredentialsGrant(organization, 's')).accessToken;
    client.setAccessToken(tokens[organization]);
}

async function take(step) {
    const [organization, name, args, look, wanted] = step;
    const method = name.replace(' ', 'Orgauthorization');

    called.add(method);
    await logInAs(organization);
    try {
        const answer = await api[method](...(typeof args === 'function' ? args() : args));

        assert.notStrictEqual(typeof look, 'number', `it was not refused with ${look}`);
        assert.deepStrictEqual(look(answer || ''), wanted);
    } catch (e) {
        if (e instanceof assert.AssertionError || e.status === undefined || e.status !== look)
            throw e;
    }
}

/* The simulator's own answer. */
async function control(name) {
    return (await fetch(new URL(`/__sim/${name}`, address))).json();
}

async function main() {
    let failures = 0;
    const fail = (what) => { failures++; console.log(`FAIL: ${what}`); };

    client.config.setGateway({ host: address.hostname, protocol: 'http', port: Number(address.port) });
    for (const [i, step] of steps.entries())
        await take(step).catch((e) => fail(`step ${i + 1}, ${step[1]} as ${step[0]}: ` +
            `${e.message || JSON.stringify(e.body || e)}`));
    for (const method of methods)
        if (!called.has(method))
            fail(`${method} was not called`);
    for (const violation of (await control('violations')).violations)
        if (!violation.includes('the bulk deletion of trusts was called'))
            fail(violation);
    console.log(`${called.size} of ${methods.length} methods called, ${failures} failures`);
    process.exit(failures === 0 ? 0 : 1); /* the client watches its settings, and would wait for ever */
}

main().catch((e) => { console.log(e); process.exit(1); });
