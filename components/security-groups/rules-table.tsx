'use client'
import type { SecurityGroupRule } from '@/domain/security-group/spec'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Badge } from '@/components/ui/badge'
import { TextLink } from '@/components/ui/text-link'
import { portsWords, protocolWord } from './rule-words'

/** A group's rules to read. `at`: the one that a link points to, from 0. */
export function RulesTable({ tenant, rules, at }: { tenant: string; rules: readonly SecurityGroupRule[]; at?: number }) {
  return (
    <SimpleTable
      label="Rules"
      heads={['Rule', 'Direction', 'Protocol', 'Ports', 'From or to', 'Description']}
      rows={rules.map((rule, i) => ({
        key: String(i),
        cells: [
          <code key="rule" className={i === at ? 'font-mono text-xs font-semibold text-accent-content' : 'font-mono text-xs'} {...(i === at && { 'aria-current': true })}>rules[{i}]</code>,
          <Badge key="direction">{rule.direction === 'ingress' ? 'In' : 'Out'}</Badge>,
          protocolWord(rule.protocol),
          <code key="ports" className="font-mono text-xs">{portsWords(rule)}</code>,
          <Peer key="peer" tenant={tenant} rule={rule} />,
          rule.description ?? NOTHING,
        ],
      }))}
      empty="It has no rules: nothing comes in to its pods, and everything may leave them."
    />
  )
}

function Peer({ tenant, rule }: { tenant: string; rule: SecurityGroupRule }) {
  const side = rule.direction === 'ingress' ? 'From' : 'To'
  if (rule.group !== undefined) return <span>{side} group <TextLink href={paths.securityGroup(tenant, rule.group)} className="text-sm underline">{rule.group}</TextLink></span>
  if (rule.cidr !== undefined) return <span>{side} <code className="font-mono text-xs">{rule.cidr}</code></span>
  return <span>{side} anywhere</span>
}
