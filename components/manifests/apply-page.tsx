'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter, useSearchParams } from 'next/navigation'
import { useMemo, useState } from 'react'
import { manifestKinds, parseManifest } from '@/domain/manifest/parse'
import { toYaml } from '@/domain/manifest/source'
import { toFailure, type Failure } from '@/components/client/errors'
import { formatCount } from '@/components/client/formats'
import { LeaveGuard } from '@/components/client/leave-guard'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { SimpleTable } from '@/components/patterns/simple-table'
import { ProblemList } from '@/components/patterns/yaml/problem-list'
import { YamlEditor } from '@/components/patterns/yaml/yaml-editor'
import { Button, ButtonLink } from '@/components/ui/button'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { StateBadge } from '@/components/ui/state-badge'
import { TextLink } from '@/components/ui/text-link'
import { pathOfObject } from './object-path'
import { sketchOf } from './sketches'

type Result = { kind: string; namespace: string | null; name: string; action: 'created' | 'configured' | 'unchanged' }

/** Any manifests as YAML, all or none: a sketch of a kind to begin with, or an object as it is. */
export function ApplyPage({ tenant }: { tenant: string }) {
  const query = useSearchParams()
  const [named, ...rest] = (query.get('from') ?? '').split('/')
  const kind = manifestKinds.find((each) => each === named)
  const name = rest.at(-1)
  if (kind && name) return <FromObject tenant={tenant} kind={kind} namespace={rest.length > 1 ? rest[0] : undefined} name={name} />
  return <Editor tenant={tenant} initial={sketchOf(query.get('kind') ?? '')} back={paths.tenant(tenant)} />
}

function FromObject({ tenant, kind, namespace, name }: { tenant: string; kind: (typeof manifestKinds)[number]; namespace: string | undefined; name: string }) {
  const trpc = useTRPC()
  const object = useQuery({ ...trpc.manifest.get.queryOptions({ tenant, kind, name, ...(namespace && { namespace }) }), refetchOnWindowFocus: false })
  if (object.data) return <Editor tenant={tenant} initial={toYaml(forEditing(object.data))} back={pathOfObject(tenant, { kind, namespace: namespace ?? null, name })} />
  if (object.error) return <QueryFailure error={object.error} title={`${kind} ${name} cannot be edited`} onRetry={() => void object.refetch()} />
  return <div aria-busy className="flex flex-col gap-4"><Skeleton className="h-7 w-56" /><Skeleton className="h-64 w-full" /></div>
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a person may write of an object: without its status, and of its metadata what is theirs. */
export function forEditing(object: unknown): unknown {
  if (!isRecord(object)) return object
  const { status: _, metadata, ...rest } = object
  const kept = isRecord(metadata) ? Object.fromEntries(['name', 'namespace', 'labels', 'annotations'].flatMap((key) => { const value = metadata[key]; return value === undefined || (isRecord(value) && Object.keys(value).length === 0) ? [] : [[key, value]] })) : metadata
  const { apiVersion, kind, ...fields } = rest
  return { apiVersion, kind, metadata: kept, ...fields }
}

function Editor({ tenant, initial: given, back }: { tenant: string; initial: string; back: string }) {
  const api = useTRPCClient()
  const router = useRouter()
  const queries = useQueryClient()
  const [initial] = useState(given)
  const [text, setText] = useState(initial)
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [results, setResults] = useState<Result[] | null>(null)
  const [requestId, setRequestId] = useState<string | null>(null)
  const checked = useMemo(() => {
    const { documents, problems } = parseManifest(text)
    return { documents, problems: [...problems, ...documents.flatMap((document) => document.problems)] }
  }, [text])
  const problems = [...checked.problems, ...(failure?.problems ?? [])]
  const change = (next: string) => { setText(next); setFailure(null); setResults(null); setRequestId(null) }
  const apply = async () => {
    if (pending || checked.problems.length > 0) return
    const id = requestId ?? crypto.randomUUID()
    setRequestId(id)
    setPending(true)
    setFailure(null)
    try {
      const answer = await api['manifest.apply'].mutate({ tenant, yaml: text, requestId: id })
      const refused = answer.results.flatMap((result) => result.problems)
      if (refused.length > 0) setFailure({ code: 'invalid_input', message: 'Nothing was applied: mend the problems below.', problems: refused, requestId: null })
      else {
        await queries.invalidateQueries()
        const [only] = answer.results
        if (answer.results.length === 1 && only) return router.push(pathOfObject(tenant, only))
        setResults(answer.results)
      }
      setRequestId(null)
    } catch (error) {
      const failed = toFailure(error)
      setFailure(failed)
      if (failed.code !== 'network') setRequestId(null)
    }
    setPending(false)
  }
  return (
    <div className="mx-auto flex w-full max-w-220 flex-1 flex-col">
      <PageHeader title="Apply YAML" description="Several documents, parted by ---, are applied all or none. What exists is changed, what does not is created." />
      <form method="post" noValidate className="flex flex-1 flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void apply() }}>
        {failure && <FailureCallout failure={failure} title="The manifest was not applied" />}
        {results && <Results tenant={tenant} results={results} />}
        <YamlEditor label="Manifest" value={text} onChange={change} problems={problems} className="h-[calc(100dvh-260px)] min-h-80" />
        {problems.length > 0 && <Panel title={formatCount(problems.length, 'problem')}><ProblemList problems={problems} /></Panel>}
        <div className="flex items-center justify-between gap-3">
          <p className="text-xs text-faint">Press Escape, then Tab, to leave the editor.</p>
          <span className="flex gap-2">
            <ButtonLink href={back}>Cancel</ButtonLink>
            <Button variant="primary" type="submit" pending={pending} disabledReason={checked.problems.length > 0 ? 'Mend the problems that are marked first.' : undefined}>{checked.documents.length === 1 ? `Apply ${checked.documents[0]?.kind ?? 'object'}` : `Apply ${checked.documents.length} objects`}</Button>
          </span>
        </div>
      </form>
      <LeaveGuard changed={text !== initial && !pending && !results} what="The manifest that you edited" />
    </div>
  )
}

function Results({ tenant, results }: { tenant: string; results: readonly Result[] }) {
  return (
    <Panel title="Applied" description={formatCount(results.length, 'object')} flush>
      <SimpleTable
        label="Applied objects"
        heads={['Object', 'Kind', 'Namespace', 'What happened']}
        rows={results.map((result) => ({
          key: `${result.kind} ${result.namespace} ${result.name}`,
          cells: [<TextLink key="name" href={pathOfObject(tenant, result)} size="sm">{result.name}</TextLink>, result.kind, result.namespace ?? '—', <StateBadge key="what" shape={result.action === 'unchanged' ? 'stopped' : 'running'}>{result.action === 'created' ? 'Created' : result.action === 'configured' ? 'Changed' : 'Unchanged'}</StateBadge>],
        }))}
        empty="—"
      />
    </Panel>
  )
}
