import json,sys,glob,re
sys.path.insert(0,'/tmp/ozma5/wt/lzip/src')
from ozma.lift.excerpt import Excerpts
store=sys.argv[1]; pat=sys.argv[2]; what=sys.argv[3] if len(sys.argv)>3 else 'oa'
for f in glob.glob(store+'/answers/*.jsonl'):
    u=f.split('/')[-1][:-6]
    for l in open(f):
        r=json.loads(l)
        if re.search(pat,r['name']):
            print('=====',u,r['name'],r['verdict'],r['inputs'],r['covered'],r['reason'],r['seconds'])
            if 'l' in what: continue
            if 'o' in what: print(Excerpts(open(store+'/units/'+u+'.s').read()).of(r['name']))
            if 'a' in what: print('-----answer'); print(r['assembly'])
            if 'i' in what: print('-----ir'); print(r['ir'])
