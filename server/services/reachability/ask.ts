import type { z } from 'zod'
import type { ReachabilityAnswer, reachabilityQuestion } from '@/domain/network/reachability'
import { answerReachability } from '@/domain/network/reachability-answer'
import { notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../context'
import { loadSurroundings } from './surroundings'
import { networkQuestions } from './turns'

export type Question = z.output<typeof reachabilityQuestion>

/** Whether a pod of the tenant reaches the other end by the desired state. What another tenant has is an address like any other, and by name not found. */
export const askReachability = (ctx: ServerContext, scope: Scope, question: Question): Promise<ReachabilityAnswer> => networkQuestions.take(scope.tenantId, () => answerQuestion(ctx, scope, question))

async function answerQuestion(ctx: ServerContext, scope: Scope, question: Question): Promise<ReachabilityAnswer> {
  const surroundings = await loadSurroundings(ctx.db, scope, question)
  if (!surroundings) throw notFound('Pod', question.from.name)
  const answer = answerReachability(surroundings, question)
  if (!answer) throw question.to.kind === 'address' ? notFound('Pod', question.from.name) : notFound(question.to.kind === 'pod' ? 'Pod' : 'Service', question.to.name)
  return answer
}
