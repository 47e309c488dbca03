/**
 * Which folder may import which. `npm test` runs it; there is no list of exceptions.
 * The `comment` of a rule is what a developer reads: it says where the code belongs instead.
 */

const ours = '^(app|components|domain|contracts|server|platform|host|guest|tools|e2e|bench|generated)/'
// A test wires what it needs: fakes, databases, the other end of a protocol.
const tests = '(\\.test\\.tsx?$|/testing/)'
const roots = '^(server/processes/|host/main\\.ts$|guest/main\\.ts$|host/sim/main\\.ts$)'
const packages = (...names) => `node_modules/(${names.join('|')})(/|$)`

const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from: { pathNot: tests, ...from }, to })

module.exports = {
  forbidden: [
    forbid('no-cycle', 'These files import each other in a circle: move what both need into a third file that imports neither.', {}, { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }),
    forbid('not-found', 'This import names nothing that exists.', {}, { couldNotResolve: true, pathNot: ['^(qjs|std|os)(:|$)', 'dist/supervisor\\.mjs$'] }),

    forbid('domain-is-pure', 'domain/ runs in the browser, the server and the host: it imports zod, yaml and croner alone. What needs Node or the network belongs in platform/, server/ or host/.', { path: '^domain/' }, { pathNot: ['^domain/', packages('zod', 'yaml', 'croner')] }),
    forbid('contracts-know-domain', 'contracts/ holds wire schemas: it imports domain/ and zod alone. What sends or receives them belongs in server/gateway, host/control, host/guest or guest/.', { path: '^contracts/' }, { pathNot: ['^contracts/', '^domain/', packages('zod')] }),
    forbid('platform-knows-nobody', 'platform/ is below everything: it imports nothing of ours. What knows a noun belongs beside that noun.', { path: '^platform/' }, { path: ours.replace('platform|', '') }),

    forbid('ui-knows-nobody', 'components/ui holds primitives without domain words: it imports nothing of ours. What knows a noun belongs in components/patterns or components/<noun>.', { path: '^components/ui/' }, { path: ours, pathNot: '^components/ui/' }),
    forbid('components-in-the-browser', "components/ runs in the browser: it imports domain/ and components/, and the router's type alone (import type) of server/api. What reads data belongs in a tRPC procedure.", { path: '^components/' }, { path: ours, pathNot: ['^components/', '^domain/'], dependencyTypesNot: ['type-only'] }),
    forbid('components-and-router-types', 'Of the server, components/ may know the types of server/api alone.', { path: '^components/' }, { path: '^(server/(?!api/)|platform/|host/|guest/|tools/|generated/)' }),
    forbid('components-below-app', 'Pages use components, not the other way round: move the shared part into components/.', { path: '^components/' }, { path: '^app/' }),
    forbid('app-is-routing', "app/ is routing: it imports components/, domain/, the server's caller (server/api) and the sign-in handler (server/auth). What does more belongs in server/services, behind a procedure.", { path: '^app/' }, { path: ours, pathNot: ['^app/', '^components/', '^domain/', '^server/api/', '^server/auth/'] }),

    forbid('procedures-are-signatures', 'server/api: a procedure is a signature plus one call of server/services. Queries belong in server/store, decisions in server/services.', { path: '^server/api/' }, { path: '^(server/(store|control|drivers|gateway|processes)/|host/|guest/|app/|components/|tools/|generated/)', dependencyTypesNot: ['type-only'] }),
    forbid('use-cases-know-no-request', 'server/services knows no request, page or socket: what it needs of one is an argument.', { path: '^server/services/' }, { path: ['^(server/(api|gateway|control|processes)/|host/|guest/|app/|components/|tools/)', packages('next', 'next-auth', 'react', '@trpc/server')], dependencyTypesNot: ['type-only'] }),
    forbid('store-is-below', 'server/store is below the use cases: it imports domain/, contracts/ and platform/. What decides belongs in server/services.', { path: '^server/store/' }, { path: '^(server/(api|services|gateway|control|drivers|auth|processes)/|host/|guest/|app/|components/|tools/)', dependencyTypesNot: ['type-only'] }),
    forbid('prisma-in-the-store', 'server/store is the only importer of Prisma: add a function there, and call it.', { pathNot: ['^server/store/', '^generated/', '^tools/', '^prisma', tests] }, { path: ['^generated/', packages('@prisma')] }),
    forbid('controllers-see-ports', 'server/control sees server/drivers/ports.ts and server/store: what a driver does is behind a port; what a person asks for is a use case.', { path: '^server/control/' }, { path: '^(server/(api|services|gateway|auth|processes|drivers/(?!ports\\.ts$))|host/|guest/|app/|components/|tools/)' }),
    forbid('drivers-see-no-store', 'A driver is handed objects and answers with directives: it never sees the store. What reads or allocates belongs in a controller or a use case.', { path: '^server/drivers/' }, { path: '^(server/(?!drivers/)|host/|guest/|app/|components/|tools/|generated/)' }),
    forbid('gateway-without-next', 'server/gateway serves sockets and imports no Next: it must run in a process without pages.', { path: '^server/gateway/' }, { path: packages('next', 'react') }),
    forbid('auth-is-below-the-api', 'server/auth says who somebody is; what they may do is in the procedures above it.', { path: '^server/auth/' }, { path: '^(server/(api|gateway|control|drivers|processes)/|host/|guest/|app/|components/|tools/)', dependencyTypesNot: ['type-only'] }),

    forbid('host-knows-no-server', 'host/ imports domain/, contracts/ and platform/: what it must know of the server comes over the wire (contracts/host).', { path: '^host/' }, { path: ours, pathNot: ['^host/', '^domain/', '^contracts/', '^platform/'] }),
    forbid('host-knows-no-framework', 'The host agent runs without Next, React and Prisma: see host/control for how it speaks to the server.', { path: '^host/' }, { path: packages('next', 'next-auth', 'react', 'react-dom', '@prisma') }),
    forbid('guest-knows-contracts', 'guest/ runs on QuickJS in a VM: it imports contracts/ alone.', { path: '^guest/', pathNot: ['^guest/image/', tests] }, { path: ours, pathNot: ['^guest/', '^contracts/'] }),
    forbid('guest-image-is-built-on-a-host', 'guest/image runs on Debian to make the image: it imports guest/, contracts/ and platform/.', { path: '^guest/image/' }, { path: ours, pathNot: ['^guest/', '^contracts/', '^platform/'] }),

    forbid('roots-are-roots', 'Only a process begins here: what another file wants of it belongs in a file of its own.', { pathNot: [tests, '^tools/', '^server/processes/'] }, { path: roots }),
    forbid('tools-stay-outside', 'tools/ builds, starts and tests the product and is no part of it: what the product needs belongs in platform/, server/ or host/.', { pathNot: ['^tools/', '^(vitest|playwright)\\.config\\.ts$', '^(e2e|bench)/', tests] }, { path: '^tools/' }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(\\.next|dist|data|generated/.*\\.wasm)' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'], extensions: ['.ts', '.tsx', '.mjs', '.js', '.cjs', '.json'] },
  },
}
