import { z } from 'zod'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { HttpRoute } from '../../plugin/manifest/route.ts'
import { paramsOf } from '../../plugin/manifest/routes.ts'
import { apiPrefix } from './site.ts'

/** Routes that belong into a document. */
export interface Described {
  readonly plugin: PluginInstance
  readonly routes: readonly HttpRoute[]
}

type Json = Readonly<Record<string, unknown>>

/** The OpenAPI 3.1 document of these routes, made of their schemas. */
export function openApiOf(described: readonly Described[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const { plugin, routes } of described) {
    for (const route of routes) {
      const path = `${apiPrefix}/${plugin.name}${route.path === '/' ? '' : route.path}`
      const address = path.replaceAll(/:([a-zA-Z0-9]+)/g, '{$1}')
      paths[address] = {
        ...paths[address],
        [route.method.toLowerCase()]: operationOf(plugin.name, route),
      }
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Opsgram', version },
    paths,
    tags: described.map(({ plugin: { name, description } }) => ({ name, description })),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Error: {
          type: 'object',
          required: ['error'],
          properties: {
            error: {
              type: 'object',
              required: ['code', 'message'],
              properties: {
                code: { type: 'string' },
                message: { type: 'string' },
                hint: { type: 'string' },
                detail: { type: 'string' },
                errorId: { type: 'string' },
              },
            },
          },
        },
      },
    },
    security: [{ token: [] }],
  }
}

function operationOf(plugin: string, route: HttpRoute): Json {
  const { method, path, description, permission, schema, status } = route
  const refusal = {
    description: 'Refused',
    content: jsonContent({ $ref: '#/components/schemas/Error' }),
  }
  const went =
    schema.response === undefined
      ? { description: 'Done' }
      : { description: 'Done', content: jsonContent(schemaOf(schema.response, 'output')) }
  return {
    operationId: [plugin, method.toLowerCase(), ...path.split(/[^a-zA-Z0-9]+/)]
      .filter((part) => part !== '')
      .join('_'),
    summary: description,
    tags: [plugin],
    ...(permission !== undefined && { description: `Needs the permission ${permission}.` }),
    parameters: [
      ...parametersOf('path', schema.params, paramsOf(path)),
      ...parametersOf('query', schema.query, Object.keys(schema.query?.shape ?? {})),
    ],
    ...(schema.body !== undefined && {
      requestBody: { required: true, content: jsonContent(schemaOf(schema.body, 'input')) },
    }),
    responses: { [status]: went, default: refusal },
  }
}

function parametersOf(
  place: 'path' | 'query',
  schema: z.ZodObject | undefined,
  names: readonly string[],
): Json[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input')
  return names.map((name) => ({
    name,
    in: place,
    required: place === 'path' || (Array.isArray(required) && required.includes(name)),
    schema: Reflect.get(Object(properties), name) ?? {},
  }))
}

/** OpenAPI 3.1 speaks the dialect of JSON Schema that zod writes; what it can't say is left open. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}

function jsonContent(schema: unknown): Json {
  return { 'application/json': { schema } }
}
