import { z } from 'zod'
import { messageOf } from '../../errors.ts'
import { failOn } from './keys.ts'
import type { HttpRoute, RouteMethod } from './route.ts'
import { type Fail, objectSchema } from './shape.ts'

const methods = {
  get: 'GET',
  post: 'POST',
  put: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const satisfies Record<string, RouteMethod>

const anySchema = z.custom<z.ZodType>((value) => value instanceof z.ZodType, {
  error: "a schema of the host's zod is expected",
})

const optionsShape = z.strictObject({
  description: z.string().min(1),
  permission: z.string().optional(),
  schema: z
    .strictObject({
      params: objectSchema.optional(),
      query: objectSchema.optional(),
      body: anySchema.optional(),
      response: anySchema.optional(),
    })
    .default({}),
  status: z.union([z.literal(200), z.literal(201), z.literal(202)]).default(200),
  deadlineMs: z.int().min(1).max(120_000).default(30_000),
})

const pathShape = /^(\/|(\/([a-z0-9][a-z0-9._-]*|:[a-zA-Z][a-zA-Z0-9]*))+)$/

/** What `routes` adds. */
export function readRoutes(callback: unknown, fail: Fail): readonly HttpRoute[] {
  if (callback === undefined) return []
  const routes: HttpRoute[] = []
  const kit = Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      (path: unknown, options: unknown, run: unknown) =>
        void routes.push(readRoute(method, { path, options, run }, fail)),
    ]),
  )
  try {
    // parsed as a function; it takes the kit
    ;(callback as (http: typeof kit) => void)(kit)
  } catch (error) {
    fail(`routes(…) threw: ${messageOf(error)}`)
  }
  checkTwice(routes, fail)
  return routes
}

/** Of a path, the names of what varies in it. */
export function paramsOf(path: string): readonly string[] {
  return [...path.matchAll(/:([a-zA-Z0-9]+)/g)].map(([, name = '']) => name)
}

function readRoute(
  method: RouteMethod,
  { path, options, run }: { path: unknown; options: unknown; run: unknown },
  fail: Fail,
): HttpRoute {
  if (typeof path !== 'string' || !pathShape.test(path)) {
    return fail(
      `the path ${JSON.stringify(path)} of a route must be like /entries or /entries/:id`,
      'Small letters, digits, ".", "_" and "-" between slashes, and :names for what varies.',
    )
  }
  const what = `the route ${method} ${path}`
  const parsed = optionsShape.safeParse(options)
  if (!parsed.success) {
    return failOn(what, parsed.error, optionsShape, fail)
  }
  if (typeof run !== 'function') return fail(`${what} has no function to run`)
  const { schema, permission, ...rest } = parsed.data
  const { params, query, body, response } = schema
  if (body !== undefined && (method === 'GET' || method === 'DELETE')) {
    fail(`${what} can't have a body: proxies and clients drop it`)
  }
  const named = paramsOf(path)
  const declared = Object.keys(params?.shape ?? {})
  if (named.length !== declared.length || named.some((name) => !declared.includes(name))) {
    fail(
      `${what}: its params are ${JSON.stringify(declared)}, its path has ${JSON.stringify(named)}`,
      'Give schema.params one key for each :name of the path.',
    )
  }
  return {
    kind: 'route',
    method,
    path,
    ...rest,
    ...(permission !== undefined && { permission }),
    schema: {
      ...(params && { params }),
      ...(query && { query }),
      ...(body && { body }),
      ...(response && { response }),
    },
    run: run as HttpRoute['run'],
  }
}

/** Two that answer the same addresses: `/:id` and `/:name` are one. */
function checkTwice(routes: readonly HttpRoute[], fail: Fail): void {
  const seen = new Set<string>()
  for (const { method, path } of routes) {
    const address = `${method} ${path.replaceAll(/:[^/]+/g, ':')}`
    if (seen.has(address)) fail(`the route ${method} ${path} is there twice`)
    seen.add(address)
  }
}
