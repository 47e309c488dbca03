import type { NextRequest } from 'next/server'
import NextAuth from 'next-auth'
import { authOptions } from '@/server/auth/options'

type RouteContext = { params: Promise<{ nextauth: string[] }> }

/** NextAuth's own endpoints: csrf, sign-in, sign-out, session. */
const handler = (request: NextRequest, context: RouteContext): Promise<Response> => NextAuth(request, context, authOptions())

export { handler as GET, handler as POST }
