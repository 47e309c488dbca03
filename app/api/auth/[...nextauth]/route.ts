import type { NextRequest } from 'next/server'
import NextAuth from 'next-auth'
import { authOptions } from '@/server/auth/options'

type RouteContext = { params: Promise<{ nextauth: string[] }> }

/**
 * The endpoints of NextAuth that the console uses. The others are closed: pages of its own with inline styles, and a door to
 * the log (`_log`) through which anybody could write.
 */
const open: Readonly<Record<string, readonly string[]>> = {
  GET: ['csrf', 'session', 'providers', 'signin', 'error'],
  POST: ['callback/credentials', 'signout'],
}

async function handler(request: NextRequest, context: RouteContext): Promise<Response> {
  const path = (await context.params).nextauth.join('/')
  if (!open[request.method]?.includes(path)) return new Response('not found\n', { status: 404 })
  return NextAuth(request, context, authOptions())
}

export { handler as GET, handler as POST }
