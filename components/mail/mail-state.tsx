import type { MailView } from '@/domain/account/mail'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'

const states: Record<MailView['state'], { shape: StateShape; word: string }> = { sent: { shape: 'running', word: 'Sent' }, kept: { shape: 'stopped', word: 'Kept' }, failed: { shape: 'failed', word: 'Failed' } }

export const MailState = ({ mail }: { mail: MailView }) => <StateBadge shape={states[mail.state].shape}>{states[mail.state].word}</StateBadge>
