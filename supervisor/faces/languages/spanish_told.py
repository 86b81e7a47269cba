"""What machines, readers and checks say in English, in Spanish: reasons, summaries, findings, log records.

The gaps `{reason}`, `{detail}`, `{state}`, `{old}`, `{new}`, `{what}` and `{kind}` hold a phrase of their own, `{span}`
a length of time, `{money}` an amount with its currency, `{check}` a check's name; what stands in the others is data.
A test compares these with the code that says them.
"""

from __future__ import annotations

from collections.abc import Mapping

_LOGIN: Mapping[str, str] = {
    "this is not the token": "esta no es la clave",
    "too many wrong tokens: try again in {seconds} s": "demasiadas claves erradas: intente de nuevo en {seconds} s",
    "this is no link of ours": "este enlace no es nuestro",
    "this link has expired": "este enlace ha vencido",
    "links cannot be read now": "los enlaces no se pueden leer ahora",
    "what this link was for is over": "lo que este enlace atendía ya terminó",
    "too many wrong links: try again in {seconds} s": "demasiados enlaces errados: intente de nuevo en {seconds} s",
    "no token is configured: see http.token_file": "no hay una clave configurada: vea http.token_file",
    "the token can not be read; the log says why": "no se puede leer la clave; el registro dice por qué",
}
_HEALTH: Mapping[str, str] = {
    "heartbeat in time": "latido a tiempo",
    "stopped as planned": "detenido según lo previsto",
    "no heartbeat seen yet": "aún no se ha visto ningún latido",
    "no heartbeat was ever seen": "nunca se vio un latido",
    "no heartbeat for {span}": "sin latido desde hace {span}",
    "no heartbeat for {span} since": "sin latido desde entonces, hace {span}",
    "its run is {span} late": "su corrida lleva {span} de retraso",
    "its run has not ended in {span}": "su corrida no ha terminado en {span}",
    "no heartbeat in {span} since restart {nth}": "sin latido en {span} desde el reinicio {nth}",
    "no heartbeat in {span} since its start": "sin latido en {span} desde su inicio",
    "no progress since {clock}, {pending} pending": "sin avance desde {clock}, {pending} en espera",
    "cost of {cost} in an hour, {limit} allowed": "costo de {cost} en una hora, se permiten {limit}",
    "{tokens} tokens in an hour, {limit} allowed": "{tokens} tokens en una hora, se permiten {limit}",
    "it uses no more than it may": "no usa más de lo permitido",
    "well and ill by turns: {percent} % of the last 20 judgements; restarts are held": (
        "bien y mal por turnos: {percent} % de los últimos 20 juicios; los reinicios se retienen"
    ),
    "it is well and ill by turns no more": "ya no está bien y mal por turnos",
    "it depends on {parent}, which is down": "depende de {parent}, que está caído",
    "judged anew: {parent} is down no more": "se juzga de nuevo: {parent} ya no está caído",
    "its work moves again, or waits no more": "su trabajo avanza de nuevo, o ya no espera",
    "what it is to make is there, or awaited no more": "lo que debe producir está, o ya no se espera",
    "{path} was last written {span} ago": "{path} se escribió por última vez hace {span}",
    "{path} was last written {clock}, promised within {limit}": (
        "{path} se escribió por última vez {clock}, prometido en {limit}"
    ),
    "{path} is not there, awaited since {clock}, promised within {limit}": (
        "{path} no está, se espera desde {clock}, prometido en {limit}"
    ),
    "the same work in {n} heartbeats in a row": "el mismo trabajo en {n} latidos seguidos",
    "the same {works} works by turns in {n} heartbeats in a row": (
        "los mismos {works} trabajos por turnos en {n} latidos seguidos"
    ),
    "it does something new": "hace algo nuevo",
    "the agent reported a failure": "el agente informó una falla",
    "the agent reported a failure: {message}": "el agente informó una falla: {message}",
    "the process ended with exit code {code}": "el proceso terminó con el código de salida {code}",
    "the process was ended by signal {code}": "el proceso terminó por la señal {code}",
    "the process ended": "el proceso terminó",
    "1 miss in a row": "1 falta seguida",
    "{n} misses in a row": "{n} faltas seguidas",
    "restart {nth} was done": "el reinicio {nth} se hizo",
    "restart {nth} failed ({detail})": "el reinicio {nth} falló ({detail})",
    "restart {nth} failed: {detail}": "el reinicio {nth} falló: {detail}",
    "restart {nth} done, first heartbeat awaited": "reinicio {nth} hecho, se espera el primer latido",
    "its start was done": "su inicio se hizo",
    "its start failed ({detail})": "su inicio falló ({detail})",
    "its start failed: {detail}": "su inicio falló: {detail}",
    "its start done, first heartbeat awaited": "inicio hecho, se espera el primer latido",
    "started with the supervisor": "iniciado con el supervisor",
    "asked for by {by}": "pedido por {by}",
    "nothing restarts this agent any more": "ya nada reinicia este agente",
    "exit code {code}": "código de salida {code}",
    "ended by {signal}": "terminado por {signal}",
    "ended by signal {signal}": "terminado por la señal {signal}",
    "timed out after {span}": "sin terminar después de {span}",
    "the machine was started anew": "la máquina se inició de nuevo",
    "paused by {by}": "en pausa por {by}",
    "paused by {by} until {clock}": "en pausa por {by} hasta {clock}",
    "paused by {by}: {comment}": "en pausa por {by}: {comment}",
    "paused by {by} until {clock}: {comment}": "en pausa por {by} hasta {clock}: {comment}",
    "the pause is over": "terminó la pausa",
    "the pause is over, resumed by {by}": "terminó la pausa, reanudado por {by}",
    "resumed by {by}, heartbeat awaited": "reanudado por {by}, se espera un latido",
    "the pause is over, heartbeat awaited": "terminó la pausa, se espera un latido",
    "its process was not started, for it was paused": "su proceso no se inició, porque estaba en pausa",
    "broken off: {detail}": "interrumpido: {detail}",
}

_WORDS: Mapping[str, str] = {
    # modifiers, doubts, causes and refusals
    "held": "retenido",
    "silenced": "silenciado",
    "paused": "en pausa",
    "unobserved": "no observado",
    "exhausted": "agotado",
    "clock skew": "reloj desfasado",
    "stalled": "estancado",
    "unmet": "sin resultado",
    "looping": "en bucle",
    "loop": "bucle",
    "postcondition": "resultado",
    "flapping": "inestable",
    "burn": "gasto",
    "just started": "recién iniciado",
    "loop stalled": "bucle detenido",
    "machine slept": "la máquina durmió",
    "clock stepped": "el reloj saltó",
    "watch lost": "vigilancia perdida",
    "fleet silent": "flota en silencio",
    "heartbeat": "latido",
    "channel failed": "un canal falla",
    "channel.{channel}": "canal {channel}",
    "observation": "observación",
    "parent down": "está caído algo de lo que depende",
    "no restarter": "nada lo puede reiniciar",
    "gate": "las decisiones esperan",
    "backoff": "espera entre reinicios",
    "activity": "actividad",
    "critical phase": "fase crítica",
    "in progress": "en curso",
    "parse": "lectura",
    "schema": "esquema",
    "checksum": "suma de verificación",
    "unique id": "número único",
    "orphan state": "factura sin entrada",
    "orphan ledger": "entrada sin factura",
    "status mismatch": "estados distintos",
    "amount mismatch": "montos distintos",
    "section total": "total de sección",
    "grand total": "total general",
    "transition": "transición",
    "archive": "archivo",
    "queue parse": "lectura de cola",
    "queue depth": "largo de cola",
    "queue age": "edad de cola",
    "queue duplicate": "duplicado en cola",
    "leftover tmp": "temporal olvidado",
    # what a notification tells
    "triggered": "abierto",
    "repeated": "repetido",
    "ack_expired": "atención vencida",
    "silence_ended": "fin del silencio",
    "resolved": "resuelto",
    "test": "prueba",
}

_INCIDENTS: Mapping[str, str] = {
    "{n} of {fleet} agents are silent at once": "{n} de {fleet} agentes callan a la vez",
    "{n} of {fleet} agents are still silent": "{n} de {fleet} agentes siguen en silencio",
    "every agent beats again": "todos los agentes laten de nuevo",
    "the agents can not be observed: {why}": "los agentes no se pueden observar: {why}",
    "channel {channel} does not deliver: {detail}": "el canal {channel} no entrega: {detail}",
    "channel {channel} delivers again": "el canal {channel} entrega de nuevo",
    "channel {channel} is used no more": "el canal {channel} ya no se usa",
    "no such channel": "no existe tal canal",
    "no answer within {span}": "sin respuesta en {span}",
    "it goes on as incident {incident}": "continúa como incidente {incident}",
    "1 finding: {what}": "1 hallazgo: {what}",
    "{n} findings: {what}": "{n} hallazgos: {what}",
    "over: {what}": "terminó: {what}",
    "the drill is over": "el simulacro terminó",
    "the agent is watched no more": "el agente ya no se vigila",
    "it has stopped, and its files are gone": "se detuvo, y sus archivos ya no están",
    "no heartbeat for {span}, and its files are gone": "sin latido desde hace {span}, y sus archivos ya no están",
}

_STORY: Mapping[str, str] = {
    "the supervisor started": "el supervisor inició",
    "the supervisor started after {span} away": "el supervisor inició después de {span} de ausencia",
    "the supervisor stops: {reason}": "el supervisor se detiene: {reason}",
    "asked to": "se le pidió",
    "signal {signal}": "señal {signal}",
    "the service {service} failed and is started again: {error}": (
        "el servicio {service} falló y se inicia de nuevo: {error}"
    ),
    "a changed configuration is in force: {changes}": "rige una configuración cambiada: {changes}",
    "a changed configuration is in force: the same agents": "rige una configuración cambiada: los mismos agentes",
    "a changed configuration was refused: {error}": "se rechazó una configuración cambiada: {error}",
    "{old} → {new}: {reason}": "{old} → {new}: {reason}",
    "a drill by {by} begins: this is no real agent": "comienza un simulacro de {by}: este no es un agente real",
    "watched no more: {reason}": "ya no se vigila: {reason}",
    "restart started ({kind}): {reason}": "reinicio comenzado ({kind}): {reason}",
    "restart done after {span}": "reinicio hecho después de {span}",
    "restart done after {span}: {detail}": "reinicio hecho después de {span}: {detail}",
    "restart failed after {span}": "el reinicio falló después de {span}",
    "restart failed after {span}: {detail}": "el reinicio falló después de {span}: {detail}",
    "restart not started: {reason}": "reinicio no comenzado: {reason}",
    "restart not started: {reason} until {clock}: {detail}": "reinicio no comenzado: {reason}, hasta {clock}: {detail}",
    "restart not started: {reason} until {clock}": "reinicio no comenzado: {reason}, hasta {clock}",
    "its process ended": "su proceso terminó",
    "its process ended: {detail}": "su proceso terminó: {detail}",
    "restarts held by {by}": "reinicios retenidos por {by}",
    "restarts held by {by} until {clock}": "reinicios retenidos por {by} hasta {clock}",
    "restarts held by {by} until {clock}: {comment}": "reinicios retenidos por {by} hasta {clock}: {comment}",
    "restarts released by {by}": "reinicios permitidos por {by}",
    "incident {incident} opened ({state}): {reason}": "incidente {incident} abierto ({state}): {reason}",
    "incident {incident} acknowledged by {by}": "incidente {incident} atendido por {by}",
    "incident {incident} acknowledged by {by} until {clock}": "incidente {incident} atendido por {by} hasta {clock}",
    "incident {incident} resolved after {span}: {reason}": "incidente {incident} resuelto después de {span}: {reason}",
    "incident {incident}: {channel} was not told ({kind}): {detail}; it is not tried again": (
        "incidente {incident}: no se avisó a {channel} ({kind}): {detail}; no se intenta de nuevo"
    ),
    "incident {incident}: {channel} was not told ({kind}): {detail}; tried again at {clock}": (
        "incidente {incident}: no se avisó a {channel} ({kind}): {detail}; se intenta de nuevo a las {clock}"
    ),
    "{matcher} silenced by {author} until {clock}: {comment}": (
        "{matcher} silenciado por {author} hasta {clock}: {comment}"
    ),
    "{matcher} silenced by {author} from {begin} until {clock}: {comment}": (
        "{matcher} silenciado por {author} desde {begin} hasta {clock}: {comment}"
    ),
    "maintenance {name} has begun until {clock}, {matcher} silenced: {comment}": (
        "comenzó el mantenimiento {name} hasta {clock}, {matcher} silenciado: {comment}"
    ),
    "maintenance {name} is over": "terminó el mantenimiento {name}",
    "the silence of {matcher} is over": "terminó el silencio de {matcher}",
    "{path} is not observed: {reason}": "{path} no se observa: {reason}",
    "{path} is observed again, by {means}": "{path} se observa de nuevo, por {means}",
    "replaced by another folder": "reemplazada por otra carpeta",
    "decisions wait: {reason}": "las decisiones esperan: {reason}",
    "decisions are taken again, after {span}": "se vuelven a tomar decisiones, después de {span}",
    "{check}: it agrees again after {span} ({file})": "{check}: cuadra de nuevo después de {span} ({file})",
    "{check}: {reason} ({file})": "{check}: {reason} ({file})",
    "{check}: {reason} ({file}, line {line})": "{check}: {reason} ({file}, línea {line})",
    "{check}: {reason}; left by {agent} ({file})": "{check}: {reason}; dejado por {agent} ({file})",
    "{check}: {reason}; left by {agent} ({file}, line {line})": (
        "{check}: {reason}; dejado por {agent} ({file}, línea {line})"
    ),
}

_PHRASES: Mapping[str, str] = {
    "a file or a line can not be read": "un archivo o una línea no se puede leer",
    "an invoice is not as it should be": "una factura no es como debe ser",
    "an invoice was changed behind its checksum": "una factura se cambió sin su suma de verificación",
    "an invoice number stands twice": "un número de factura está dos veces",
    "an invoice is missing in the ledger": "falta una factura en el libro",
    "an entry of the ledger has no invoice": "una entrada del libro no tiene factura",
    "invoice and ledger differ in the status": "la factura y el libro difieren en el estado",
    "invoice and ledger differ in the amount": "la factura y el libro difieren en el monto",
    "a total of the ledger is not the sum of its section": "un total del libro no es la suma de su sección",
    "the ledger's grand total is not the sum of its sections": "el total general no es la suma de sus secciones",
    "the event log tells another story than the invoice": "el registro de eventos dice otra cosa que la factura",
    "an invoice lies in the wrong folder": "una factura está en la carpeta equivocada",
    "a queue can not be read": "una cola no se puede leer",
    "a queue is too long": "una cola es demasiado larga",
    "a message waits too long": "un mensaje espera demasiado",
    "a message waits twice": "un mensaje espera dos veces",
    "a temporary file was left behind": "quedó un archivo temporal",
}

_FINDINGS: Mapping[str, str] = {
    "invoice {number} is {money} in its file, but {other_money} in the ledger": (
        "la factura {number} es de {money} en su archivo, pero de {other_money} en el libro"
    ),
    "invoice {number} is archived, but a file of it is left among the live ones": (
        "la factura {number} está archivada, pero queda un archivo suyo entre los vigentes"
    ),
    "invoice {number} is {state}, but archived": "la factura {number} está «{state}», pero archivada",
    "invoice {number} is {state}, but not archived": "la factura {number} está «{state}», pero no archivada",
    "all entries come to {money}, but the grand total says {other_money}": (
        "las entradas suman {money}, pero el total general dice {other_money}"
    ),
    "the entries under {section} come to {money}, but the Summary says {other_money}": (
        "las entradas de {section} suman {money}, pero el resumen dice {other_money}"
    ),
    "a temporary file was left behind: {file}": "quedó un archivo temporal: {file}",
    "invoice {number} stands in the ledger under {section}, but has no file": (
        "la factura {number} está en el libro bajo {section}, pero no tiene archivo"
    ),
    "invoice {number} is {state} in its file, but the ledger has no entry for it": (
        "la factura {number} está «{state}» en su archivo, pero el libro no tiene entrada para ella"
    ),
    "invoice {number} is {state} in its file, but stands in the ledger under {section}": (
        "la factura {number} está «{state}» en su archivo, pero en el libro bajo {section}"
    ),
    "invoice {number} stands in the ledger under {section}": "la factura {number} está en el libro bajo {section}",
    "invoice {number} stands in the ledger under {section} with the status {status}": (
        "la factura {number} está en el libro bajo {section} con el estado {status}"
    ),
    "invoice {number} is {state} in its file, but stands in the ledger under {section} with the status {status}": (
        "la factura {number} está «{state}» en su archivo, pero en el libro bajo {section} con el estado {status}"
    ),
    "invoice {number} is {state} in its file, but {status} by its last event": (
        "la factura {number} está «{state}» en su archivo, pero «{status}» según su último evento"
    ),
    "the oldest message of the queue {queue} has waited for {span}": (
        "el mensaje más antiguo de la cola {queue} espera desde hace {span}"
    ),
    "the queue {queue} holds {n} messages": "la cola {queue} tiene {n} mensajes",
    "the queue {queue} holds 1 message": "la cola {queue} tiene 1 mensaje",
    "the message {message} waits {n} times in the queue {queue}: {what}": (
        "el mensaje {message} espera {n} veces en la cola {queue}: {what}"
    ),
    "the message {message} of invoice {number} waits {n} times in the queue {queue}: {what}": (
        "el mensaje {message} de la factura {number} espera {n} veces en la cola {queue}: {what}"
    ),
    "double payment: the event log has invoice {number} paid {n} times, on {what}": (
        "pago doble: el registro de eventos tiene la factura {number} pagada {n} veces, en {what}"
    ),
    "invoice {number} stands in {n} files: {names}": "la factura {number} está en {n} archivos: {names}",
    "invoice {number} stands in {n} files of {clients} clients: {names}": (
        "la factura {number} está en {n} archivos de {clients} clientes: {names}"
    ),
    "invoice {number} has {n} entries in the ledger: {what}": (
        "la factura {number} tiene {n} entradas en el libro: {what}"
    ),
    "lines {numbers}": "líneas {numbers}",
    "one file": "un archivo",
    "one entry": "una entrada",
    "one message": "un mensaje",
    "one payment": "un pago",
    "{n} payments": "{n} pagos",
    "{n} files": "{n} archivos",
    "a file": "un archivo",
    "live": "vigente",
    "archived": "archivada",
    "live and archived": "vigente y archivada",
    "an entry under {section}": "una entrada bajo {section}",
    "fewer than {n}": "menos de {n}",
    "less than {span}": "menos de {span}",
    "{money}": "{money}",
}

_READING: Mapping[str, str] = {
    "invoice {number}: {reason}": "factura {number}: {reason}",
    "the last line is unfinished": "la última línea está sin terminar",
    "the line is not UTF-8": "la línea no es UTF-8",
    "the line is not JSON: {error}": "la línea no es JSON: {error}",
    "the line is nested too deeply": "la línea está anidada demasiado hondo",
    "the line cannot be read: {reason}": "la línea no se puede leer: {reason}",
    "the line has no time as its _queued_at": "la línea no tiene una hora en _queued_at",
    "it is no JSON object": "no es un objeto JSON",
    "it is longer than {n} bytes": "tiene más de {n} bytes",
    "it has no time": "no tiene hora",
    "it has no type": "no tiene tipo",
    "it names no event": "no nombra ningún evento",
    "it names no invoice": "no nombra ninguna factura",
    "{n} more lines cannot be read": "{n} líneas más no se pueden leer",
    "can not be read: {error}": "no se puede leer: {error}",
    "is larger than {size}": "ocupa más de {size}",
    "a line of more than {size}": "una línea de más de {size}",
    "the file is longer than {n} bytes": "el archivo tiene más de {n} bytes",
    "the file is not UTF-8": "el archivo no es UTF-8",
    "the file is not JSON: {error}": "el archivo no es JSON: {error}",
    "the file is nested too deeply": "el archivo está anidado demasiado hondo",
    "the file cannot be taken: {reason}": "el archivo no se puede tomar: {reason}",
    "it holds no JSON object": "no contiene un objeto JSON",
    "the document is not the one that its checksum was made of": (
        "el documento no es aquel del que se hizo su suma de verificación"
    ),
    "{key} is missing": "falta {key}",
    "{key} is not {what}": "{key} no es {what}",
    "a text of at most {n} characters": "un texto de a lo sumo {n} caracteres",
    "a text of at most {n} characters, or a number": "un texto de a lo sumo {n} caracteres, o un número",
    "a number": "un número",
    "an object": "un objeto",
    "a list": "una lista",
    "an amount of at most {n} digits, such as 1500.00": "un monto de a lo sumo {n} cifras, como 1500.00",
    "zero or more": "cero o más",
    "an RFC 3339 time": "una hora según RFC 3339",
    "one of {words}": "uno de {words}",
    "an ISO 4217 code, such as USD": "un código ISO 4217, como USD",
    "an amount such as $1,500.00": "un monto como $1,500.00",
    "an amount such as $1500.00": "un monto como $1500.00",
    "the line holds NUL bytes": "la línea contiene bytes NUL",
    "the line holds bytes that are not UTF-8": "la línea contiene bytes que no son UTF-8",
    "the comment has no end": "el comentario no tiene fin",
    "the code block has no end": "el bloque de código no tiene fin",
    "the entry cannot be read": "la entrada no se puede leer",
    "the amount cannot be read": "el monto no se puede leer",
    "the total is unfinished": "el total está sin terminar",
    "the heading is unfinished": "el título está sin terminar",
    "the {total} is no amount": "el {total} no es un monto",
}

PHRASES: Mapping[str, str] = {
    **_LOGIN,
    **_HEALTH,
    **_WORDS,
    **_INCIDENTS,
    **_STORY,
    **_PHRASES,
    **_FINDINGS,
    **_READING,
}
