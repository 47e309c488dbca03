'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { sizeBytesOf, volumeSize } from '@/domain/volume/limits'
import { useTRPC } from '@/components/client/trpc'
import { Callout } from '@/components/ui/callout'
import { sizeText } from './volume-draft'

/** What follows from a size, as the server says it while it is typed. */
export function GrowthPreview({ tenant, name, size, nowBytes, refused }: { tenant: string; name: string; size: string; nowBytes: number; /** Its field says why not already. */ refused: boolean }) {
  const text = sizeText(useDeferredValue(size))
  const isLarger = volumeSize.safeParse(text).success && sizeBytesOf(text) > nowBytes
  const { data } = useQuery({ ...useTRPC().volume.preview.queryOptions({ tenant, name, verb: 'grow', size: isLarger ? text : '16Ti' }), enabled: isLarger, retry: false, placeholderData: keepPreviousData })
  if (!data || !isLarger) return <Callout tone="info" title="At once, also while a pod has it">Nothing is unmounted, and no write fails. It cannot be made smaller again.</Callout>
  if (data.problem !== null) return refused ? null : <Callout tone="notice" title="It cannot grow to that">{withoutPath(data.problem)}</Callout>
  return <Callout tone="info" title="At once"><ul className="flex list-disc flex-col gap-1 pl-4">{data.consequences.map(({ text: line }) => <li key={line}>{line}</li>)}</ul></Callout>
}

/** The server's words without the name of the field that is meant, which the form shows. */
const withoutPath = (problem: string): string => problem.split('\n').map((line) => line.replace(/^spec\.size: (.)/, (_, first: string) => first.toUpperCase())).join('\n')
