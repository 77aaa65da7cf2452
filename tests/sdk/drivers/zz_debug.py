import sys; sys.path.insert(0,'/work/main/tests/sdk/drivers')
import agents.realtime.openai_realtime as m
orig=m.OpenAIRealtimeWebSocketModel._handle_ws_event
async def h(self,e):
    if e['type'].startswith('session'): sys.stderr.write('<< '+e['type']+' '+str(e['session']['audio']['output'])+' '+str(e.get('relay'))[:400]+'\n')
    return await orig(self,e)
m.OpenAIRealtimeWebSocketModel._handle_ws_event=h
os=m.OpenAIRealtimeWebSocketModel._send_raw_message
async def s(self,e):
    if e.type=='session.update': sys.stderr.write('>> '+e.model_dump_json(exclude_unset=True)[:600]+'\n')
    return await os(self,e)
m.OpenAIRealtimeWebSocketModel._send_raw_message=s
import openai_agents as o
from scenario import run
run(lambda g:o.OpenAiAgents(g['credential']))
