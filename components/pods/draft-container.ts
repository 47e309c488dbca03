/** What the form can show of one container; everything else stays in the text untouched. */
export type ContainerDraft = {
  name: string
  image: string
  pullPolicy: string
  command: string[]
  args: string[]
  env: VariableDraft[]
  envFrom: SourceDraft[]
  ports: { containerPort: string; protocol: string }[]
  /** Where it has the pod's volumes. */
  mounts: { name: string; mountPath: string }[]
  cpu: string
  memory: string
  probes: Record<ProbeName, ProbeDraft>
}

/** Where a variable's value comes from; `other` is what only the YAML shows, such as a downward field. */
export type VariableDraft = { name: string } & ({ from: 'value'; value: string } | { from: 'configMapKeyRef' | 'secretKeyRef'; object: string; key: string } | { from: 'other' })
export type SourceDraft = { from: 'configMapRef' | 'secretRef' | 'other'; object: string; prefix: string }

export const probeNames = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const
export type ProbeName = (typeof probeNames)[number]
export const probeKinds = ['none', 'httpGet', 'tcpSocket', 'exec', 'other'] as const
export type ProbeKind = (typeof probeKinds)[number]
export type ProbeDraft = { kind: ProbeKind; path: string; port: string; command: string[]; periodSeconds: string; failureThreshold: string; /** Its times and counts, kept when it asks in another way. */ times: Record<string, unknown> }

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
export const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
export const word = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '')

export function readContainer(value: unknown): ContainerDraft {
  const c = record(value)
  const limits = record(record(c['resources'])['limits'])
  return {
    name: word(c['name']),
    image: word(c['image']),
    pullPolicy: word(c['imagePullPolicy']),
    command: list(c['command']).map(word),
    args: list(c['args']).map(word),
    env: list(c['env']).map((each) => readVariable(record(each))),
    envFrom: list(c['envFrom']).map((each) => readSource(record(each))),
    ports: list(c['ports']).map((each) => ({ containerPort: word(record(each)['containerPort']), protocol: word(record(each)['protocol']) || 'TCP' })),
    mounts: list(c['volumeMounts']).map((each) => ({ name: word(record(each)['name']), mountPath: word(record(each)['mountPath']) })),
    cpu: word(limits['cpu']),
    memory: word(limits['memory']),
    probes: { startupProbe: readProbe(c['startupProbe']), readinessProbe: readProbe(c['readinessProbe']), livenessProbe: readProbe(c['livenessProbe']) },
  }
}

function readVariable(variable: Record<string, unknown>): VariableDraft {
  const name = word(variable['name'])
  if (!isRecord(variable['valueFrom'])) return { name, from: 'value', value: word(variable['value']) }
  const from = variable['valueFrom']
  for (const kind of ['configMapKeyRef', 'secretKeyRef'] as const) if (isRecord(from[kind])) return { name, from: kind, object: word(from[kind]['name']), key: word(from[kind]['key']) }
  return { name, from: 'other' }
}

function readSource(source: Record<string, unknown>): SourceDraft {
  const prefix = word(source['prefix'])
  for (const from of ['configMapRef', 'secretRef'] as const) if (isRecord(source[from])) return { from, prefix, object: word(source[from]['name']) }
  return { from: 'other', prefix, object: '' }
}

function readProbe(value: unknown): ProbeDraft {
  const probe = record(value)
  const kind = !isRecord(value) ? 'none' : ((['httpGet', 'tcpSocket', 'exec'] as const).find((each) => isRecord(probe[each])) ?? 'other')
  const handler = record(probe[kind])
  return { kind, path: word(handler['path']), port: word(handler['port']), command: list(handler['command']).map(word), periodSeconds: word(probe['periodSeconds']), failureThreshold: word(probe['failureThreshold']), times: Object.fromEntries(Object.entries(probe).filter(([, field]) => typeof field === 'number')) }
}

/** A number where the text is one, else the text, for the schema to refuse with its path. */
export const numeric = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text)
